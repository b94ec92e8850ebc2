-- Writes the outcomes of jobs of a begun lease: [{id, outcome, result, error, delay_seconds}], outcome being completed,
-- retry, dead, released, snoozed, timed_out, cancelled (by its handler) or worker_crashed; or the word 'completed' for all jobs of the lease, without
-- results. Jobs of a lease may be settled in several calls.
--
-- Guarantees: an outcome is accepted once; a lease that was recovered is refused, whatever it holds in hand; sent again,
-- a job's first answer comes back and nothing changes. Accepts a lease that has expired but was not recovered yet.
-- jobs: {job id: state}, 'lease_lost' for a job that this lease does not hold. outcome: 'settled', or 'lease_lost' when
-- that holds for every job. `brief`: jobs may be one state instead, when all have it. To a lone word it is brief, or
-- it leaves out the jobs that are lost. wake_seconds: null nothing, 0 dispatch now, else in this many seconds.
-- Lock order: the lease (waits), its jobs, unique keys.
create or replace function forgeq.settle(lease_id uuid, begun_by uuid, ended jsonb, at timestamptz default null, brief boolean default false)
returns table (outcome text, jobs jsonb, wake_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  held forgeq.lease;
  settled jsonb;
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  sent_before boolean := false;
  whole boolean := jsonb_typeof(ended) = 'string';
  -- Nearly always: then names need no check, and doubles show in the number of jobs that completed.
  all_completed boolean := case when whole then ended = '"completed"' else not jsonb_path_exists(ended, '$[*] ? (!(@.outcome == "completed"))') end;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'forgeq: settle needs a read committed transaction' using errcode = 'FQ009';
  end if;
  if not all_completed and (whole or exists (select from jsonb_to_recordset(ended) as o(outcome text)
             where o.outcome is null
               or o.outcome not in ('completed', 'retry', 'dead', 'released', 'snoozed', 'timed_out', 'cancelled', 'worker_crashed'))) then
    raise exception 'forgeq: unknown outcome' using errcode = 'FQ003';
  end if;
  if not all_completed and forgeq.names_twice(ended) then
    raise exception 'forgeq: a job is named twice' using errcode = 'FQ003';
  end if;
  select l.* into held from forgeq.lease l where l.id = settle.lease_id and l.begun_by = settle.begun_by for update;
  if found then
    sent_before := not whole and held.outcomes <> '{}' and held.outcomes ?| array(select o.id from jsonb_to_recordset(ended) as o(id text));
    select case when jsonb_typeof(e.answers) = 'object' then e.answers || held.outcomes else e.answers end, e.wake_seconds into settled, wake_seconds
    from forgeq.end_attempts(held, ended, 'settled', now_at) e;
    if (case when whole then true when jsonb_typeof(settled) = 'string' then brief
        else all_completed and held.outcomes = '{}' and (select count(*) from jsonb_object_keys(settled)) = jsonb_array_length(ended) end) then
      jobs := settled;
      outcome := case when settled = '{}' then 'lease_lost' else 'settled' end;
      return next;
      return;
    end if;
  else
    -- The hint is given again: a completion inside the handler's own transaction is asked for after its commit.
    select c.outcomes, case when forgeq.wants_wake(c.queue) then 0 end into settled, wake_seconds
    from forgeq.lease_closed c
    where c.id = settle.lease_id and c.begun_by = settle.begun_by;
    sent_before := found;
    if whole then
      jobs := coalesce(settled, '{}');
      outcome := case when jobs = '{}' then 'lease_lost' else 'settled' end;
      return next;
      return;
    end if;
  end if;
  if all_completed and forgeq.names_twice(ended) then
    raise exception 'forgeq: a job is named twice' using errcode = 'FQ003';
  end if;
  -- The answer of a call that gave jobs back may be lost, and with it their hint: they want a dispatcher all the same.
  if sent_before then
    select least(wake_seconds, min(greatest(0, forgeq.bounded_seconds(j.run_at, now_at)))) into wake_seconds
    from jsonb_to_recordset(ended) as o(id uuid)
    cross join lateral (select job.run_at, job.claim_id from forgeq.job where job.id = o.id offset 0) j
    where j.claim_id is null;
  end if;
  select coalesce(jsonb_object_agg(o.id, case jsonb_typeof(settled) when 'string' then settled else coalesce(settled -> o.id, '"lease_lost"') end), '{}'),
         case when bool_and(settled is null or (jsonb_typeof(settled) = 'object' and not settled ? o.id)) then 'lease_lost' else 'settled' end
  into jobs, outcome
  from jsonb_to_recordset(ended) as o(id text);
  return next;
end
$$;
