-- Must a dispatcher be invoked for a job due in due_seconds (0: now)? Asked in a statement of its own, after the commit.
-- A job due now wants a wake unless a dispatcher is active; one due within 120 s unless one waits for that instant (to a tenth of
-- a second) or an earlier one.
-- A caller that gets `true` invokes a dispatcher, and counts as the active one for half a second: a burst of enqueues invokes one
-- dispatcher. The others lose nothing, because an active dispatcher sweeps once more, for longer than that, before it ends.
-- A marker that is further ahead than one can be was written before the clock went back: nobody is there.
create or replace function forgeq.wake_wanted(due_seconds double precision, at timestamptz default null)
returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '4s'
as $$
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  due_at timestamptz := now_at + make_interval(secs => greatest(due_seconds, 0));
begin
  if due_seconds > 120 or not exists (
    select from forgeq.wake w
    where w.name = 'dispatcher' and coalesce(w.active_until <= now_at or w.active_until > now_at + interval '10 seconds', true)
      and (due_seconds <= 0 or coalesce(w.waiting_for <= now_at or w.waiting_for > due_at + interval '100 milliseconds', true))) then
    return false;
  end if;
  update forgeq.wake w
  set active_until = now_at + interval '500 milliseconds', active_by = '00000000-0000-0000-0000-000000000000'
  where w.name = 'dispatcher' and coalesce(w.active_until <= now_at or w.active_until > now_at + interval '10 seconds', true);
  return found;
end
$$;
