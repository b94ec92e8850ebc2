-- The heartbeat: moves a begun lease's expiry and stores progress, {job id: {fraction, note}}.
-- Lock: the lease's row, skip locked, so it never waits for the handler's own complete(tx).
-- One row: outcome 'extended' with the new expiry and the jobs asked to cancel; 'busy'; or 'lease_lost'.
create or replace function forgeq.extend(
  lease_id uuid, begun_by uuid, lease_seconds double precision, progress jsonb default null, at timestamptz default null)
returns table (outcome text, expires_at timestamptz, cancel_requested uuid[])
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  place tid;
begin
  select l.ctid into place from forgeq.lease l
  where l.id = extend.lease_id and l.begun_by = extend.begun_by and l.expires_at > now_at
  for update skip locked;
  if found then
    update forgeq.lease l
    set expires_at = greatest(l.expires_at, now_at + make_interval(secs => lease_seconds)),
        progress = l.progress || coalesce(extend.progress, '{}')
    where l.ctid = place
    returning 'extended', l.expires_at, coalesce(l.cancel_requested, '{}') into outcome, expires_at, cancel_requested;
  else
    select case when count(*) > 0 then 'busy' else 'lease_lost' end into outcome
    from forgeq.lease l where l.id = extend.lease_id and l.begun_by = extend.begun_by and l.expires_at > now_at;
  end if;
  return next;
end
$$;
