-- A job as the worker that takes it is told: [id, attempt, max_attempts, depth, traceparent, metadata, payload]
-- as JSON, without names, which would be half of the bytes of a batch. Put together as text, because json_build_array looks up how
-- to write each value again for each job. Internal.
create or replace function forgeq.job_taken(job forgeq.job)
returns text
language sql stable
as $$
  select '["' || job.id || '",' || job.attempt || ',' || job.max_attempts || ',' || coalesce(job.depth, 0)
    || ',' || coalesce(to_json(job.traceparent)::text, 'null') || ',' || coalesce(job.metadata::text, 'null') || ',' || job.payload || ']'
$$;
