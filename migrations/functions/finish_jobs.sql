-- Moves locked jobs that did not complete into the history, dead or cancelled. Internal: end_uncompleted and cancel call it. The arrays describe the same jobs
-- in the same order. `claim_id`: the claim that holds them, null for free jobs. Refuses when fewer rows changed than were locked. Unique keys are the caller's.
create or replace function forgeq.finish_jobs(
  places tid[], claim_id uuid, ids uuid[], states text[], results jsonb[], errors jsonb[], attempts smallint[], lease_id uuid, began_at timestamptz,
  now_at timestamptz)
returns void
language plpgsql
as $$
#variable_conflict use_column
declare
  changed int;
begin
  with gone as (
    delete from forgeq.job j where j.ctid = any (places) and j.claim_id is not distinct from finish_jobs.claim_id
    returning j.id, j.life, j.created_at, j.run_at, j.priority, j.max_attempts, j.depth, j.queue, j.type, j.unique_key,
      j.traceparent, j.metadata, j.payload),
  kept as (
    insert into forgeq.job_history (id, life, finished_at, created_at, run_at, began_at, lease_id, state, priority,
      attempt, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload, result, error)
    select g.id, coalesce(g.life, 1), now_at, coalesce(g.created_at, g.run_at), case when g.run_at <> g.created_at then g.run_at end, finish_jobs.began_at,
      finish_jobs.lease_id, f.state::forgeq.finished_state, g.priority, f.attempt, g.max_attempts, g.depth, g.queue, g.type, g.unique_key,
      g.traceparent, g.metadata, g.payload, f.result, f.error
    from gone g
    join unnest(ids, states, results, errors, attempts) as f(id, state, result, error, attempt) on f.id = g.id)
  select count(*) into changed from gone;
  if changed <> cardinality(places) then
    raise exception 'forgeq: % of % jobs changed under their locks', cardinality(places) - changed, cardinality(places);
  end if;
end
$$;
