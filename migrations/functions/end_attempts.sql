-- Ends attempts of one lease: the only place where a claimed job is finished or given back.
-- Internal: settle, release, begin, recover and invocation_failed call it with the lease's row locked.
--
-- ended: [{id, outcome, result, error, delay_seconds}], outcome being completed, retry, dead, released, snoozed,
-- timed_out, cancelled, lease_expired, undispatched or throttled. Jobs that this lease no longer holds are passed over.
-- A requested cancel wins over everything but completed and dead. A lease that is taken back whole is closed, also when
-- somebody deleted its jobs by hand, so that it holds no place of its queue for good.
-- Lock order: the lease (by the caller), its jobs, unique keys (sorted). Locked first, written by ctid in a later
-- statement, and refused when fewer rows changed than were locked: a job never loses its claim without a trace.
create or replace function forgeq.end_attempts(
  lease forgeq.lease, ended jsonb, reason text, at timestamptz,
  out answers jsonb, out wake_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  held record;
  finished_rows tid[] := '{}';
  finished_ids uuid[] := '{}';
  finished_states text[] := '{}';
  finished_results jsonb[] := '{}';
  finished_errors jsonb[] := '{}';
  finished_attempts smallint[] := '{}';
  finished_keys text[] := '{}';
  ended_ids text[] := '{}';
  ended_states text[] := '{}';
  state text;
  counted boolean;
  next_run_at timestamptz;
  finished_key text;
  changed int;
  left_open int;
  keeps_completed boolean := (select q.keep_completed from forgeq.queue q where q.name = lease.queue);
begin

  for held in
    select j.*, o.outcome, o.result, o.error, o.delay_seconds, o.id = any (lease.cancel_requested) as cancelling
    from jsonb_to_recordset(ended) as o(id uuid, outcome text, result jsonb, error jsonb, delay_seconds double precision)
    cross join lateral (
      select job.ctid as tid, job.id, job.type, job.life, job.attempt, job.max_attempts, job.dispatches, job.unique_key
      from forgeq.job
      where job.id = o.id and job.claim_id = lease.claim_id and o.id = any (lease.job_ids)
      offset 0 for update) j
  loop
    counted := held.outcome in ('completed', 'retry', 'dead', 'timed_out', 'lease_expired');
    state := case
      when held.outcome in ('completed', 'dead', 'cancelled') then held.outcome
      when held.cancelling then 'cancelled'
      when counted and held.attempt >= held.max_attempts then 'dead'
      when held.outcome = 'undispatched' and held.dispatches >= 9 then 'dead'
      else 'live'
    end;

    if state <> 'live' then
      finished_rows := finished_rows || held.tid;
      finished_ids := finished_ids || held.id;
      finished_states := finished_states || state;
      finished_results := finished_results || held.result;
      finished_errors := finished_errors || case
        when state = 'dead' and held.outcome = 'undispatched' then jsonb_build_object('name', 'Undispatchable',
          'message', coalesce('no invocation of the handler began in 10 dispatches: ' || (held.error ->> 'message'), 'no invocation of the handler began in 10 dispatches'))
        when state = 'completed' then null
        else held.error end;
      finished_attempts := finished_attempts || (held.attempt - (not counted)::int)::smallint;
      if held.unique_key is not null then
        finished_keys := finished_keys || held.unique_key;
      end if;
    else
      next_run_at := at + make_interval(secs => case
        when held.delay_seconds is not null then least(greatest(held.delay_seconds, 0), 31536000)
        when counted then coalesce((select forgeq.backoff_seconds(t.backoff, held.attempt, random()) from forgeq.job_type t where t.type = held.type), 60)
        when held.outcome = 'undispatched' then least(30, power(2, held.dispatches))
        when held.outcome = 'throttled' then 1 + random() * 4
        else 0 end);
      update forgeq.job
      set claim_id = null,
          run_at = next_run_at,
          attempt = held.attempt - (not counted)::int,
          dispatches = case when held.outcome = 'undispatched' then held.dispatches + 1
                            when lease.began_at is not null then 0 else held.dispatches end
      where ctid = held.tid and claim_id = lease.claim_id;
      if not found then
        raise exception 'forgeq: job % changed under its lock', held.id;
      end if;
      wake_seconds := least(wake_seconds, extract(epoch from next_run_at - at));
    end if;

    ended_ids := ended_ids || held.id::text;
    ended_states := ended_states || case when state <> 'live' then state when next_run_at > at then 'scheduled' else 'pending' end;
    if held.outcome not in ('completed', 'throttled') then
      insert into forgeq.job_attempt (job_id, life, number, outcome, lease_id, began_at, ended_at, invocation, error)
      values (held.id, held.life, held.attempt,
              case when state = 'cancelled' then 'cancelled' when state = 'dead' and held.outcome = 'retry' then 'dead' else held.outcome end,
              lease.id, lease.began_at, at, lease.invocation, held.error);
    end if;
  end loop;

  if cardinality(finished_rows) > 0 then
    with gone as (
      delete from forgeq.job where ctid = any (finished_rows) and claim_id = lease.claim_id
      returning id, life, created_at, run_at, priority, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload),
    kept as (
      insert into forgeq.job_history (id, life, finished_at, created_at, run_at, began_at, lease_id, state, priority,
        attempt, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload, result, error)
      select g.id, g.life, at, g.created_at, g.run_at, lease.began_at, lease.id, f.state::forgeq.finished_state, g.priority,
        f.attempt, g.max_attempts, g.depth, g.queue, g.type, g.unique_key, g.traceparent, g.metadata, g.payload, f.result, f.error
      from gone g
      join unnest(finished_ids, finished_states, finished_results, finished_errors, finished_attempts)
        as f(id, state, result, error, attempt) on f.id = g.id
      where f.state <> 'completed' or keeps_completed)
    select count(*) into changed from gone;
    if changed <> cardinality(finished_rows) then
      raise exception 'forgeq: % of % jobs changed under their locks', cardinality(finished_rows) - changed, cardinality(finished_rows);
    end if;
    for finished_key in select k from unnest(finished_keys) k order by k loop
      delete from forgeq.unique_key where type = lease.type and key = finished_key;
    end loop;
  end if;

  answers := jsonb_object(ended_ids, ended_states);
  left_open := case when reason in ('settled', 'cancelled') then lease.open_jobs - cardinality(ended_ids) else 0 end;
  if left_open > 0 then
    update forgeq.lease l set open_jobs = left_open, outcomes = l.outcomes || answers where l.id = lease.id;
  else
    delete from forgeq.lease l where l.id = lease.id;
    insert into forgeq.lease_closed (id, claim_id, ordinal, queue, type, jobs, closed_at, expires_at, begun_by, reason, outcomes)
    values (lease.id, lease.claim_id, lease.ordinal, lease.queue, lease.type, cardinality(lease.job_ids), at, lease.expires_at, lease.begun_by, reason,
            -- Only what settle was told: a lease that was recovered in part gives the first answers of the other part.
            case when reason <> 'settled' then lease.outcomes
                 when lease.outcomes = '{}' and ended_states[1] = all (ended_states) then to_jsonb(ended_states[1])
                 else lease.outcomes || answers end);
  end if;
  -- A place of a full queue is free again: its next job starts now, not at the next tick. Read last: a claim that finds the
  -- queue full while this call goes on says so in time.
  if exists (select from forgeq.queue q where q.name = lease.queue and q.waiting) then
    wake_seconds := 0;
  end if;
end
$$;
