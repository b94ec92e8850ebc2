-- Ends attempts that did not complete: gives the job back, or finishes it dead or cancelled. Internal: end_attempts calls it.
-- Locked first, written by ctid in a later statement, and refused when fewer rows changed than were locked: a job never
-- loses its claim without a trace. Lock order: the jobs, unique keys (sorted).
--
-- Jobs of a lease that did not begin keep their run_at: their type is blocked meanwhile, see block_type. Only a refusal that will not get better by itself
-- counts one of their `dispatches`: not a lease that expired. Ten of them, an hour at least after the first, and the job is dead.
create or replace function forgeq.end_uncompleted(
  lease forgeq.lease, ended jsonb, now_at timestamptz,
  out ids uuid[], out states text[], out tally bytea, out wake_seconds double precision)
language plpgsql
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
  schedules text[];
  state text;
  counted boolean;
  counts_dispatch boolean;
  next_run_at timestamptz;
  attempt_outcome text;
  ran_since timestamptz;
  -- Of the type; read where a job needs it.
  backoff jsonb;
begin
  ids := '{}';
  states := '{}';
  tally := '';
  for held in
    select j.*, o.outcome, o.result, o.error, o.delay_seconds, o.id = any (lease.cancel_requested) as cancelling,
           lease.cancel_reasons ->> o.id::text as reason
    from jsonb_to_recordset(ended) as o(id uuid, outcome text, result jsonb, error jsonb, delay_seconds double precision)
    cross join lateral (
      select job.ctid as tid, job.id, job.type, coalesce(job.life, 1) as life, job.attempt, job.max_attempts,
             coalesce(job.dispatches, 0) as dispatches, job.unique_key, job.run_at, job.metadata ->> 'schedule' as schedule
      from forgeq.job
      where job.id = o.id and job.claim_id = lease.claim_id and o.id = any (lease.job_ids)
      offset 0 for update) j
    where o.outcome <> 'completed'
  loop
    counted := held.outcome in ('retry', 'dead', 'timed_out', 'lease_expired', 'cancelled', 'worker_crashed');
    counts_dispatch := held.outcome = 'undispatched' and lease.expires_at > now_at;
    state := case
      when held.cancelling or held.outcome = 'cancelled' then 'cancelled'
      when held.outcome = 'dead' then 'dead'
      when counted and held.attempt >= held.max_attempts then 'dead'
      when counts_dispatch and held.dispatches >= 9 and forgeq.dispatched_since(held.id, held.life, held.dispatches) <= now_at - interval '1 hour' then 'dead'
      else 'live'
    end;

    if state <> 'live' then
      finished_rows := finished_rows || held.tid;
      finished_ids := finished_ids || held.id;
      finished_states := finished_states || state;
      finished_results := finished_results || held.result;
      finished_errors := finished_errors || case
        when state = 'dead' and held.outcome = 'undispatched' then jsonb_build_object('name', 'Undispatchable',
          'message', concat_ws(': ', format('no invocation of the handler began in %s dispatches', held.dispatches + 1), held.error ->> 'message'))
        else coalesce(case when held.cancelling then forgeq.cancelled_error(held.reason) end, held.error) end;
      finished_attempts := finished_attempts || (held.attempt - (not counted)::int)::smallint;
      if held.unique_key is not null then
        finished_keys := finished_keys || held.unique_key;
      end if;
      if held.schedule is not null then
        schedules := schedules || held.schedule;
      end if;
    else
      if counted and held.delay_seconds is null and backoff is null then
        backoff := (select t.backoff from forgeq.job_type t where t.type = held.type);
      end if;
      next_run_at := case when held.outcome in ('undispatched', 'throttled') then held.run_at else now_at + make_interval(secs => case
        when held.delay_seconds is not null then least(greatest(held.delay_seconds, 0), 31536000)
        when counted and backoff is not null then forgeq.backoff_seconds(backoff, held.attempt, random())
        when counted then 60
        else 0 end) end;
      update forgeq.job
      set claim_id = null,
          run_at = next_run_at,
          created_at = case when run_at = next_run_at then created_at else coalesce(created_at, run_at) end,
          attempt = held.attempt - (not counted)::int,
          dispatches = case when counts_dispatch then held.dispatches + 1
                            when lease.began_at is not null then 0 else held.dispatches end
      where ctid = held.tid and claim_id = lease.claim_id;
      if not found then
        raise exception 'forgeq: job % changed under its lock', held.id;
      end if;
      wake_seconds := least(wake_seconds, extract(epoch from next_run_at - now_at));
    end if;

    ids := ids || held.id;
    states := states || case when state <> 'live' then state when next_run_at > now_at then 'scheduled' else 'pending' end;
    attempt_outcome := case when state = 'cancelled' then 'cancelled' when state = 'dead' and held.outcome = 'retry' then 'dead' else held.outcome end;
    -- Cancelled by begin itself: it never ran.
    ran_since := case when held.outcome <> 'unbegun' then lease.began_at end;
    tally := tally || forgeq.metric_end(state, attempt_outcome, held.run_at, ran_since, now_at);
    if held.outcome <> 'throttled' then
      insert into forgeq.job_attempt (job_id, life, number, outcome, lease_id, run_at, began_at, ended_at, invocation, error, queue, type)
      values (held.id, held.life, held.attempt, attempt_outcome, lease.id, held.run_at, ran_since, now_at, lease.invocation, held.error,
        case when counted or state = 'dead' then lease.queue end, case when counted or state = 'dead' then lease.type end);
    end if;
  end loop;

  if cardinality(finished_rows) > 0 then
    perform forgeq.finish_jobs(finished_rows, lease.claim_id, finished_ids, finished_states, finished_results, finished_errors, finished_attempts,
      lease.id, lease.began_at, now_at);
    perform forgeq.free_unique_keys(lease.type, finished_keys);
    if schedules is not null and forgeq.start_waiting(schedules, now_at) then
      wake_seconds := 0;
    end if;
  end if;
end
$$;
