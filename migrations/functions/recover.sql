-- Takes back the jobs of expired leases, at most max_jobs and the rest of the last lease. A lease that had begun costs its jobs an attempt; one that had not
-- costs nothing, and blocks its type, see block_type. Safe to run many times concurrently. Lock order: leases (skip locked, by type), their jobs, the blocks of
-- their types.
-- `more`: it stopped for max_jobs. Only leases of queues that this owner serves, null for any.
create or replace function forgeq.recover(max_jobs int default 1000, at timestamptz default null, owner text default null)
returns table (leases int, jobs int, more boolean, wake_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  expired uuid[];
  candidate uuid;
  held forgeq.lease;
  ended record;
begin
  leases := 0;
  jobs := 0;
  more := false;
  if forgeq.earliest_expiry() <= now_at then
    expired := array(
      select l.id
      from forgeq.open_leases() l
      where l.expires_at <= now_at
        and (recover.owner is null
          or not exists (select from forgeq.queue q where q.name = l.queue and not forgeq.is_served(q.owner, recover.owner)))
      order by l.type, l.expires_at);
  end if;
  foreach candidate in array coalesce(expired, '{}') loop
    if jobs >= max_jobs or leases >= max_jobs then
      more := true;
      exit;
    end if;
    select l.* into held from forgeq.lease l where l.id = candidate and l.expires_at <= now_at for update skip locked;
    continue when not found;
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
  return next;
end
$$;
