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
    returning j.*),
  kept as (
    insert into forgeq.job_history
    select h.*
    from gone g
    join unnest(ids, states, results, errors, attempts) as f(id, state, result, error, attempt) on f.id = g.id
    cross join lateral forgeq.history_row(
      g::forgeq.job, f.state::forgeq.finished_state, f.attempt, f.result, f.error, finish_jobs.lease_id, finish_jobs.began_at, now_at) h)
  select count(*) into changed from gone;
  if changed <> cardinality(places) then
    raise exception 'forgeq: % of % jobs changed under their locks', cardinality(places) - changed, cardinality(places);
  end if;
end
$$;
