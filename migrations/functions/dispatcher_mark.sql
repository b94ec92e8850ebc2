-- The dispatcher `me` of this owner (null: of none) says what it does; answers false when another one does it already.
--   'active': until 5 s from now; false while another one is active. Takes over from who only asked for a dispatcher (wake_wanted).
--   'waiting': for an instant wait_seconds ahead, no longer active; false while another one waits for it (to a tenth of a second)
--   or an earlier one.
--   'closing': neither; false while another one is active or waits.
-- A marker that is further ahead than one can be was written before the clock went back: nobody is there.
create or replace function forgeq.dispatcher_mark(
  me uuid, phase text, wait_seconds double precision default null, at timestamptz default null, owner text default null)
returns boolean
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  alone boolean;
  mine constant text := coalesce(owner, '');
begin
  if phase = 'active' then
    update forgeq.wake w
    set active_until = now_at + interval '5 seconds', active_by = me, seen_at = now_at,
        waiting_for = case when w.waiting_by = me then null else w.waiting_for end
    where w.owner = mine
      and (w.active_by in (me, '00000000-0000-0000-0000-000000000000')
        or coalesce(w.active_until <= now_at or w.active_until > now_at + interval '10 seconds', true));
    if not found then
      -- The first dispatcher of an owner.
      insert into forgeq.wake (owner, active_until, active_by, seen_at) values (mine, now_at + interval '5 seconds', me, now_at)
      on conflict do nothing;
    end if;
  elsif phase = 'waiting' then
    update forgeq.wake w
    set active_until = case when w.active_by = me then null else w.active_until end,
        waiting_for = now_at + make_interval(secs => wait_seconds), waiting_by = me
    where w.owner = mine
      and (w.waiting_by = me or coalesce(w.waiting_for <= now_at or w.waiting_for > now_at + make_interval(secs => wait_seconds + 0.1), true));
  else
    update forgeq.wake w
    set active_until = case when w.active_by = me then null else w.active_until end,
        waiting_for = case when w.waiting_by = me then null else w.waiting_for end
    where w.owner = mine
    returning coalesce(w.active_until <= now_at or w.active_until > now_at + interval '10 seconds'
        or w.active_by = '00000000-0000-0000-0000-000000000000', true)
      and coalesce(w.waiting_for <= now_at or w.waiting_for > now_at + interval '130 seconds', true) into alone;
    return alone;
  end if;
  return found;
end
$$;
