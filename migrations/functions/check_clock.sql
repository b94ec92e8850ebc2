-- Sees whether the clock is behind what it was at the last tick, and mends what would wait until it has caught up: leases keep the time that they had left,
-- schedules go on from now, rates are measured anew, and `repair` goes through all live jobs from the beginning (see there). Wake markers, offers of workers
-- and the marks of purge need nothing: none is believed that is further ahead than it can be.
-- Seconds by which the clock went back, at least; 0 when it did not, or when another caller is at it. A step back of less than the time since the last tick is
-- not seen, and makes nothing wait for longer than that.
create or replace function forgeq.check_clock(at timestamptz default null)
returns double precision
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '1s' set jit = off
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  last_at timestamptz := (select max(p.done_at) from forgeq.tick_part p);
  behind interval := last_at - now_at;
begin
  if last_at is null or behind <= interval '1 second' or not forgeq.lock_mutex('check_clock') then
    return 0;
  end if;
  insert into forgeq.tick_part as p (part, clock_was) values ('repair', date_trunc('milliseconds', last_at))
  on conflict (part) do update set last_id = null, clock_was = greatest(p.clock_was, excluded.clock_was);
  update forgeq.tick_part p set done_at = now_at where p.done_at > now_at;
  -- What ends after that was given out by the clock as it was. Locked ones are extended or ended right now.
  update forgeq.lease l set expires_at = l.expires_at - behind
  where l.ctid = any (array(select o.ctid from forgeq.lease o where o.expires_at > now_at + behind for update skip locked));
  update forgeq.schedule s set decided_until = date_trunc('milliseconds', now_at), next_slot_at = date_trunc('milliseconds', now_at)
  where s.ctid = any (array(select o.ctid from forgeq.schedule o where o.decided_until > now_at and not o.paused for update skip locked));
  delete from forgeq.metric_sample s where s.at > now_at;
  return extract(epoch from behind);
end
$$;
