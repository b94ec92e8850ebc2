-- Gives a whole lease back, no attempt counted. With begun_by: a begun lease at shutdown (reason 'released', due now).
-- Without: a lease that has not begun, by the dispatcher whose invoke was refused: 'undispatched' counts a dispatch,
-- 'throttled' does not. Its jobs stay due, and its type is blocked for wake_seconds: see block_type. A lease that has begun meanwhile is left alone ('begun').
-- delay_seconds: of a begun lease.
-- Sent again it gives the first answer. outcome: 'released', 'begun' or 'lease_lost'. Lock order: the lease, its jobs.
create or replace function forgeq.release(
  lease_id uuid, begun_by uuid default null, reason text default 'released', error jsonb default null,
  delay_seconds double precision default null, at timestamptz default null)
returns table (outcome text, wake_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  held forgeq.lease;
begin
  if (begun_by is null) <> (reason in ('undispatched', 'throttled')) or reason not in ('released', 'undispatched', 'throttled') then
    raise exception 'forgeq: reason % does not fit', reason using errcode = 'FQ003';
  end if;
  select l.* into held from forgeq.lease l where l.id = release.lease_id for update;
  if found and held.begun_by is not distinct from release.begun_by then
    select e.wake_seconds into wake_seconds
    from forgeq.end_attempts(held, forgeq.whole_lease(held, reason, error, delay_seconds), reason, now_at) e;
    outcome := 'released';
  elsif found and release.begun_by is null then
    outcome := 'begun';
  else
    -- How long the first call put them off is not kept: dispatch now, so that a lost answer loses no wake.
    select case when count(*) > 0 then 'released' else 'lease_lost' end, case when count(*) > 0 then 0 end into outcome, wake_seconds
    from forgeq.lease_closed c
    where c.id = release.lease_id and c.begun_by is not distinct from release.begun_by and c.reason = release.reason;
  end if;
  return next;
end
$$;
