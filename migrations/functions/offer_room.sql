-- A worker that listens offers its room for `seconds`; with 0 it has none any more. room: {queues, types, seconds}, queues being null for all; null says
-- nothing. Forgets what others offered a minute ago, as one that was killed. Waits for nobody but the worker's own last call.
create or replace function forgeq.offer_room(worker uuid, room jsonb, invocation text, at timestamptz default null)
returns void
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  at timestamptz := coalesce(offer_room.at, clock_timestamp());
begin
  if room is null then
    return;
  end if;
  delete from forgeq.worker_room w
  where w.ctid = any (array(select o.ctid from forgeq.worker_room o where o.until < at - interval '1 minute' for update skip locked));
  insert into forgeq.worker_room (worker, queues, types, invocation, until)
  values (offer_room.worker,
          case when jsonb_typeof(room -> 'queues') = 'array' then array(select jsonb_array_elements_text(room -> 'queues')) end,
          array(select jsonb_array_elements_text(room -> 'types')), offer_room.invocation,
          at + make_interval(secs => (room ->> 'seconds')::double precision))
  on conflict (worker) do update
  set queues = excluded.queues, types = excluded.types, invocation = excluded.invocation, until = excluded.until;
end
$$;
