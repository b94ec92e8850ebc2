-- What a taken job has beside its id and payload, [attempt, max_attempts, depth, traceparent, metadata] as JSON; null where it is a first attempt of as
-- many as its type's jobs have, and the rest is nothing, as nearly always. Put together as text, because json_build_array looks up how to
-- write each value again for each job. Internal.
create or replace function forgeq.job_details(job forgeq.job, usual_max_attempts smallint)
returns text
language sql stable
as $$
  select case when job.attempt <> 1 or job.max_attempts is distinct from usual_max_attempts or job.depth <> 0 or job.traceparent is not null
      or job.metadata is not null
    then '[' || job.attempt || ',' || job.max_attempts || ',' || coalesce(job.depth, 0) || ',' || coalesce(to_json(job.traceparent)::text, 'null')
      || ',' || coalesce(job.metadata::text, 'null') || ']' end
$$;
