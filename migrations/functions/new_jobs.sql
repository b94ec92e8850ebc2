-- Items of enqueue_many as rows of job, in the order of the call, without those that are in `existing`: {id asked for: id of the job that was there}. The one
-- place that says which field becomes which column; a domain says which values a field may have. An item is {id, type, payload, queue, priority, run_at,
-- delay_seconds, max_attempts, unique_key, on_conflict, metadata, start_before, depth, traceparent}; what is left out comes from its type, one of `types`.
-- A query that names it in `from` is planned with this one in its place. Internal.
create or replace function forgeq.new_jobs(jobs jsonb, types jsonb, existing jsonb, now_at timestamptz)
returns setof forgeq.job
language sql stable
as $$
  select i.id, coalesce(i.run_at, now_at + make_interval(secs => i.delay_seconds), now_at),
         case when i.run_at <> now_at or i.delay_seconds <> 0 then now_at end, null::int, coalesce(i.priority, t.priority),
         coalesce(i.max_attempts, t.max_attempts), null::smallint, i.depth, null::uuid, 0::smallint, i.payload, coalesce(i.queue, t.queue), i.type,
         i.unique_key, i.traceparent, i.metadata, i.start_before
  from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, payload json, queue text, priority forgeq.job_priority, run_at timestamptz,
      delay_seconds double precision, max_attempts forgeq.job_max_attempts, unique_key text, metadata forgeq.job_metadata, depth forgeq.job_depth,
      traceparent forgeq.job_traceparent, start_before timestamptz)) with ordinality as i
  join jsonb_to_recordset(types) as t(type text, queue text, priority smallint, max_attempts smallint) on t.type = i.type
  where not existing ? i.id::text
  -- Jobs of a call that are due at the same time are taken in the order of the call, which is that of their rows.
  order by i.ordinality
$$;
