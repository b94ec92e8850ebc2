-- Finishes the completed jobs among `ended` that this lease holds; gives their ids, their tally for the counters, and whether a job that
-- waited for one of them is due now. Internal: end_attempts calls it.
--
-- Deleted by key, not by ctid: a row that somebody else's update moves meanwhile is followed to its new place, so no lock has
-- to be taken in a statement before. By an array of ids, not by a join: the planner believes the table to be empty, and a join
-- may read the whole index instead, which holds all that was deleted under a long transaction (63,558 buffers on PostgreSQL 15).
--
-- A CTE that is read twice is named first by the reader that needs fewer of its columns, so that Postgres unpacks no more of a row than that reader needs.
create or replace function forgeq.complete_jobs(
  lease forgeq.lease, ended jsonb, keep boolean, now_at timestamptz,
  out ids uuid[], out tally bytea, out started boolean)
language plpgsql
as $$
#variable_conflict use_column
declare
  keys text[];
  schedules text[];
  waits bytea;
  -- What metric_end says before and after the milliseconds that a job waited is the same for all of them.
  one bytea := forgeq.metric_end('completed', 'completed', lease.began_at, lease.began_at, now_at);
  before_wait bytea := substring(one for 1);
  after_wait bytea := substring(one from 6);
  between_waits bytea := after_wait || before_wait;
begin
  if jsonb_typeof(ended) = 'string' and not keep then
    with deleted as (
      delete from forgeq.job j
      where j.id = any (lease.job_ids) and j.claim_id = lease.claim_id
      returning j.id, j.run_at, j.unique_key, j.metadata)
    select array_agg(g.id), array_agg(g.unique_key) filter (where g.unique_key is not null),
           array_agg(g.metadata ->> 'schedule') filter (where g.metadata ? 'schedule'),
           string_agg(int4send(forgeq.elapsed_ms(g.run_at, lease.began_at)), between_waits)
    into ids, keys, schedules, waits
    from deleted g;
  elsif jsonb_typeof(ended) = 'string' then
    with deleted as (
      delete from forgeq.job j
      where j.id = any (lease.job_ids) and j.claim_id = lease.claim_id
      returning j.*),
    kept as (
      insert into forgeq.job_history
      select h.*
      from deleted g
      cross join lateral forgeq.history_row(g::forgeq.job, 'completed', g.attempt, null, null, lease.id, lease.began_at, now_at) h)
    select array_agg(g.id), array_agg(g.unique_key) filter (where g.unique_key is not null),
           array_agg(g.metadata ->> 'schedule') filter (where g.metadata ? 'schedule'),
           string_agg(int4send(forgeq.elapsed_ms(g.run_at, lease.began_at)), between_waits)
    into ids, keys, schedules, waits
    from deleted g;
  else
    with done as materialized (
      select o.id, nullif(o.result, 'null') as result
      from jsonb_to_recordset(ended) as o(id uuid, outcome text, result jsonb)
      -- Within a case the list of ids becomes a hash table; as `any (lease.job_ids)` it is unpacked and walked for each job.
      where case when o.outcome = 'completed' then o.id in (select u.id from unnest(lease.job_ids) as u(id)) end),
    deleted as (
      delete from forgeq.job j
      where j.id = any (array(select d.id from done d)) and j.claim_id = lease.claim_id
      returning j.*),
    kept as (
      insert into forgeq.job_history
      select h.*
      from deleted g
      join done d on d.id = g.id
      cross join lateral forgeq.history_row(g::forgeq.job, 'completed', g.attempt, d.result, null, lease.id, lease.began_at, now_at) h
      where keep)
    select array_agg(g.id), array_agg(g.unique_key) filter (where g.unique_key is not null),
           array_agg(g.metadata ->> 'schedule') filter (where g.metadata ? 'schedule'),
           string_agg(int4send(forgeq.elapsed_ms(g.run_at, lease.began_at)), between_waits)
    into ids, keys, schedules, waits
    from deleted g;
  end if;
  ids := coalesce(ids, '{}');
  tally := coalesce(before_wait || waits || after_wait, '');

  if keys is not null then
    perform forgeq.free_unique_keys(lease.type, keys);
  end if;
  if schedules is not null then
    started := forgeq.start_waiting(schedules, now_at);
  end if;
end
$$;
