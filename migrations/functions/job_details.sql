-- What a leased job has in addition to its id and payload, as a JSON object with the keys attempt, max_attempts, depth, traceparent,
-- metadata and unique_key: the keys
-- of the lines that enqueue_lines takes, so that lib/db/protocol/leased-job.ts reads both. Null for a first attempt of as many as `usual_max_attempts` with
-- nothing else, as nearly always. Put together as text, because json_build_object looks up how to write each value again for each job. Internal.
create or replace function forgeq.job_details(job forgeq.job, usual_max_attempts smallint)
returns json
language sql stable
as $$
  select case when job.attempt <> 1 or job.max_attempts is distinct from usual_max_attempts or job.depth <> 0 or job.traceparent is not null
      or job.metadata is not null or job.unique_key is not null
    then ('{"attempt":' || job.attempt || ',"max_attempts":' || job.max_attempts || coalesce(',"depth":' || job.depth, '')
      || coalesce(',"traceparent":' || to_json(job.traceparent)::text, '') || coalesce(',"metadata":' || job.metadata::text, '')
      || coalesce(',"unique_key":' || to_json(job.unique_key)::text, '') || '}')::json end
$$;
