-- The platform says that a handler's invocation failed. reason: 'function_error' (crash, time-out, failed init), 'outage' (the same, and the handler says that
-- it could not reach the database, or read its secrets: no dispatch is counted) or
-- 'event_age_exceeded'. A lease that has not begun is given back; one that has begun is recovered only for a function
-- error of its own invocation. Sent again it gives the first answer.
-- outcome: 'released', 'recovered', 'ignored', or 'closed': the lease had ended otherwise. Lock order: the lease, its jobs.
create or replace function forgeq.invocation_failed(
  lease_id uuid, invocation text, reason text, error jsonb default null, at timestamptz default null)
returns table (outcome text, wake_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  held forgeq.lease;
  how text;
begin
  select l.* into held from forgeq.lease l where l.id = invocation_failed.lease_id for update;
  if not found then
    select case when c.begun_by is null and c.reason in ('undispatched', 'throttled') then 'released'
                when c.begun_by is not null and c.reason = 'recovered' and invocation_failed.reason in ('function_error', 'outage') then 'recovered' end,
           -- Given again, too: a lost answer loses no wake.
           case when c.reason <> 'settled' or forgeq.wants_wake(c.queue) then 0 end
    into outcome, wake_seconds
    from forgeq.lease_closed c
    where c.id = invocation_failed.lease_id;
    outcome := coalesce(outcome, 'closed');
  elsif held.began_at is null then
    outcome := 'released';
    how := case reason when 'function_error' then 'undispatched' else 'throttled' end;
    select e.wake_seconds into wake_seconds
    from forgeq.end_attempts(held, forgeq.whole_lease(held, how, error, null), how, now_at) e;
  elsif reason in ('function_error', 'outage') and held.invocation = invocation_failed.invocation then
    outcome := 'recovered';
    select e.wake_seconds into wake_seconds
    from forgeq.end_attempts(held, forgeq.whole_lease(held, 'lease_expired', error, null), 'recovered', now_at) e;
  else
    outcome := 'ignored';
  end if;
  return next;
end
$$;
