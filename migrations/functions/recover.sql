-- Takes back the jobs of at most max_leases expired leases. A lease that had not begun costs its jobs a dispatch, one that
-- had begun costs an attempt. Safe to run many times concurrently. Lock order: leases (skip locked), their jobs.
create or replace function forgeq.recover(max_leases int default 100, at timestamptz default null)
returns table (leases int, jobs int, more boolean, wake_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  held forgeq.lease;
  ended record;
begin
  leases := 0;
  jobs := 0;
  for held in
    select l.* from forgeq.lease l where l.expires_at <= now_at limit max_leases for update skip locked
  loop
    select e.answers, e.wake_seconds into ended
    from forgeq.end_attempts(held, forgeq.whole_lease(held,
        case when held.began_at is null then 'undispatched' else 'lease_expired' end,
        case when held.began_at is null
             then jsonb_build_object('name', 'NotBegun', 'message', 'the invocation did not begin before the dispatch time-out')
             else jsonb_build_object('name', 'LeaseExpired', 'message', 'the handler sent no heartbeat before its lease expired') end,
        null), 'recovered', now_at) e;
    leases := leases + 1;
    jobs := jobs + (select count(*)::int from jsonb_object_keys(ended.answers));
    wake_seconds := least(wake_seconds, ended.wake_seconds);
  end loop;
  more := leases = max_leases;
  return next;
end
$$;
