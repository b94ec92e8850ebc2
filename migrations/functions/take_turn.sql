-- What one of all workers is to do because time has passed: {"tick": whether a tick is due, since none was made for a minute, "slot_seconds": seconds until
-- the next slot of a schedule, where that is near}. Null: nothing, or another worker has the turn. A worker asks in a look that it makes anyway, so that
-- workers alone keep schedules, retention and repair going. Nobody waits: who does not get the lock leaves the turn to its holder.
-- A turn that is taken and not used is given again: a tick's after a minute, a slot's five seconds after the slot.
create or replace function forgeq.take_turn(at timestamptz default null)
returns json
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
declare
  tick_every constant interval := '60 seconds';
  -- A worker looks every six seconds.
  slot_horizon constant interval := '7 seconds';
  slot_kept constant interval := '5 seconds';
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  last forgeq.worker_turn;
  next_slot_at timestamptz;
  is_tick boolean;
  is_slot boolean;
begin
  for pass in 1 .. 2 loop
    select t.* into last from forgeq.worker_turn t;
    select min(s.next_slot_at) into next_slot_at from forgeq.schedule s where not s.paused;
    -- What is ahead of the clock was written before it was put back.
    select (last.ticked_at between now_at - tick_every and now_at) is not true
        and count(*) filter (where p.done_at between now_at - tick_every and now_at) = 0
      into is_tick from forgeq.tick_part p;
    is_slot := coalesce(next_slot_at < now_at + slot_horizon, false)
      and (last.slot_until between now_at and now_at + slot_horizon + slot_kept) is not true;
    if not is_tick and not is_slot then
      return null;
    end if;
    -- Looked at once more by who has the lock: the turn may have been taken meanwhile.
    if pass = 1 and not forgeq.lock_mutex('take_turn') then
      return null;
    end if;
  end loop;
  insert into forgeq.worker_turn as t (ticked_at, slot_until)
  values (case when is_tick then now_at end, case when is_slot then greatest(next_slot_at, now_at) + slot_kept end)
  on conflict (one) do update
  set ticked_at = coalesce(excluded.ticked_at, t.ticked_at), slot_until = coalesce(excluded.slot_until, t.slot_until);
  return json_build_object('tick', is_tick,
    'slot_seconds', case when is_slot then extract(epoch from next_slot_at - now_at) end);
end
$$;
