-- Ends attempts of one lease: the only place where a claimed job is finished or given back.
-- Internal: settle, release, begin, recover and invocation_failed call it with the lease's row locked.
--
-- ended: [{id, outcome, result, error, delay_seconds}], outcome being completed, retry, dead, released, snoozed,
-- timed_out, cancelled, lease_expired, undispatched or throttled; or the word 'completed' for all jobs of the lease, without results.
-- Jobs that this lease no longer holds are passed over.
-- answers: {job id: state}, or 'completed' where that is all jobs of the lease.
-- A requested cancel wins over everything but completed and dead. A lease that is taken back whole is closed, also when
-- somebody deleted its jobs by hand, so that it holds no capacity of its queue for good.
-- One that comes back without having begun blocks its type, see block_type.
-- Lock order: the lease (by the caller), its jobs, unique keys (sorted), the block of its type. Nobody else writes a claimed job's row.
create or replace function forgeq.end_attempts(
  lease forgeq.lease, ended jsonb, reason text, now_at timestamptz,
  out answers jsonb, out wake_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  completed record;
  others record;
  tallied bytea := lease.tally;
  states jsonb;
  left_open int;
  named int := case when jsonb_typeof(ended) = 'array' then jsonb_array_length(ended) else cardinality(lease.job_ids) end;
  queue record;
begin
  select q.keep_completed, q.max_pending, q.max_in_flight into queue from forgeq.queue q where q.name = lease.queue;
  select c.ids, c.tally, c.started into completed from forgeq.complete_jobs(lease, ended, coalesce(queue.keep_completed, true), now_at) c;
  tallied := tallied || completed.tally;
  left_open := lease.open_jobs - cardinality(completed.ids);
  if cardinality(completed.ids) = cardinality(lease.job_ids) and cardinality(completed.ids) = named then
    answers := '"completed"';
  else
    answers := jsonb_object(completed.ids::text[], array_fill('completed'::text, array[cardinality(completed.ids)]));
  end if;
  if cardinality(completed.ids) < named and jsonb_typeof(ended) = 'array' then
    select u.ids, u.states, u.tally, u.wake_seconds into others from forgeq.end_uncompleted(lease, ended, now_at) u;
    answers := answers || jsonb_object(others.ids::text[], others.states);
    left_open := left_open - cardinality(others.ids);
    tallied := tallied || others.tally;
    wake_seconds := others.wake_seconds;
    if queue.max_pending is not null and others.states && '{pending,scheduled}' then
      perform forgeq.count_waiting(lease.queue, count(*)) from unnest(others.states) as s(state) where s.state in ('pending', 'scheduled');
    end if;
  end if;

  if completed.started then
    wake_seconds := 0;
  end if;
  if left_open > 0 and reason in ('settled', 'cancelled') then
    update forgeq.lease l set open_jobs = left_open, outcomes = l.outcomes || answers, tally = tallied where l.id = lease.id;
  else
    delete from forgeq.lease l where l.id = lease.id;
    -- Only what settle was sent: a lease that was recovered in part gives the first answers of the other part.
    states := case when jsonb_typeof(answers) = 'string' then answers when reason = 'settled' then lease.outcomes || answers else lease.outcomes end;
    insert into forgeq.lease_closed (id, claim_id, ordinal, queue, type, jobs, closed_at, expires_at, begun_by, reason, tally, outcomes, completed)
    values (lease.id, lease.claim_id, lease.ordinal, lease.queue, lease.type, cardinality(lease.job_ids), now_at, lease.expires_at, lease.begun_by,
      reason, tallied, states, case when coalesce(queue.keep_completed, true) or jsonb_typeof(states) <> 'string' then ''
        else (select string_agg(int8send(uuid_hash_extended(u.id, 0)), '') from unnest(lease.job_ids) as u(id)) end);
  end if;
  if lease.began_at is null and reason in ('undispatched', 'throttled', 'recovered') then
    wake_seconds := forgeq.block_type(lease, ended -> 0 -> 'error', now_at);
  end if;
  -- A full queue has capacity again: its next job starts now, not at the next tick. Read last: a claim that finds the
  -- queue full while this call goes on says so in time.
  if queue.max_in_flight is not null then
    if forgeq.wants_wake(lease.queue) then
      wake_seconds := 0;
    end if;
  end if;
end
$$;
