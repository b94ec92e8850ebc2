-- Must a dispatcher of this owner (null: of none) be invoked for a job due in due_seconds (0: now)? Asked in a statement of its own, after the commit.
-- A job due now wants a wake unless a dispatcher is active; one due within 120 s unless one waits for that instant (to a tenth of
-- a second) or an earlier one.
-- A caller that gets `true` invokes a dispatcher, and counts as the active one for half a second: a burst of enqueues invokes one
-- dispatcher. The others lose nothing, because an active dispatcher sweeps once more, for longer than that, before it ends.
-- A marker that is further ahead than one can be was written before the clock went back: nobody is there.
create or replace function forgeq.wake_wanted(due_seconds double precision, at timestamptz default null, owner text default null)
returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  due_at timestamptz := now_at + make_interval(secs => greatest(due_seconds, 0));
  mine constant text := coalesce(owner, '');
  marker record;
begin
  if due_seconds > 120 then
    return false;
  end if;
  select coalesce(w.active_until <= now_at or w.active_until > now_at + interval '10 seconds', true) as is_idle,
         coalesce(w.waiting_for <= now_at or w.waiting_for > due_at + interval '100 milliseconds', true) as is_awaited_by_nobody
  into marker
  from forgeq.wake w
  where w.owner = mine;
  if not found then
    insert into forgeq.wake (owner, active_until, active_by)
    values (mine, now_at + interval '500 milliseconds', '00000000-0000-0000-0000-000000000000')
    on conflict do nothing;
    return found;
  end if;
  if not marker.is_idle or (due_seconds > 0 and not marker.is_awaited_by_nobody) then
    return false;
  end if;
  update forgeq.wake w
  set active_until = now_at + interval '500 milliseconds', active_by = '00000000-0000-0000-0000-000000000000'
  where w.owner = mine and coalesce(w.active_until <= now_at or w.active_until > now_at + interval '10 seconds', true);
  return found;
end
$$;
