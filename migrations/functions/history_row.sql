-- A job as its row of the history: the one place that says which column of job becomes which of job_history. `attempt` is the last one that was counted.
-- A query that names it in `from` is planned with these columns in its place, so that it costs nothing.
create or replace function forgeq.history_row(
  job forgeq.job, state forgeq.finished_state, attempt smallint, result jsonb, error jsonb, lease_id uuid, began_at timestamptz, finished_at timestamptz)
returns setof forgeq.job_history
language sql stable rows 1
as $$
  select job.id, finished_at, coalesce(job.created_at, job.run_at), case when job.run_at <> job.created_at then job.run_at end, began_at, lease_id, state,
         coalesce(job.life, 1), job.priority, attempt, job.max_attempts, job.depth, job.payload, job.queue, job.type, job.unique_key, job.traceparent,
         job.metadata, result, error, null::boolean, null::timestamptz, null::text
$$;
