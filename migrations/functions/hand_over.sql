-- Stores a few jobs as enqueue_alike does, begun for a worker that listens and has offered room for such, and tells it all of them with the commit: it
-- takes nothing, and starts them. Internal: enqueue_alike calls it for jobs of which workers are to hear. See docs/adr/0018.
--
-- Answers as enqueue_alike does, with 'running' for the jobs handed over; null, and nothing stored, when nobody has room.
--
-- A worker is there while a connection that it listens on holds forgeq.worker_lock(worker, 3), together with an older one whose end the server has not
-- noticed yet. Jobs on their way to it hold the lock 4, which it takes before it lets go of 3 and stops listening: so none is told when it does not
-- hear any more.
-- The notification: a line of JSON, {lease, type, queue, seconds, max_attempts, ids}, then a line of each job's payload, and of its details where
-- any has some. It is not above 8,000 bytes.
-- Lock order: as hint_workers, which never waits; then as enqueue_and_begin.
create or replace function forgeq.hand_over(ids uuid[], payloads text, of_type text, own_queue text, details text, at timestamptz)
returns json
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  now timestamptz := coalesce(hand_over.at, clock_timestamp());
  room record;
  stored json;
  lease json;
begin
  if not forgeq.may_notify() or octet_length(payloads) + coalesce(octet_length(details), 0) > 7000 then
    return null;
  end if;
  select w.worker, w.invocation, w.queue into room
  from (
    select w.worker, w.invocation, coalesce(own_queue, t.queue) as queue
    from forgeq.worker_room w
    join forgeq.job_type t on t.type = of_type
    where w.until > now and of_type = any (w.types) and (w.queues is null or coalesce(own_queue, t.queue) = any (w.queues))
    order by random()
    offset 0) w
  -- In this order: the worker lets 3 go while it holds 4.
  where case when pg_try_advisory_xact_lock_shared(forgeq.worker_lock(w.worker, 4)) then not pg_try_advisory_xact_lock(forgeq.worker_lock(w.worker, 3)) end
  limit 1;
  if not found then
    return null;
  end if;
  stored := forgeq.enqueue_and_begin(ids, payloads, of_type, own_queue, details, true, room.queue, room.worker, room.invocation, hand_over.at);
  lease := stored -> 1;
  if json_typeof(lease) <> 'array' then
    return stored -> 0;
  end if;
  perform pg_notify('forgeq_' || replace(room.worker::text, '-', ''), concat_ws(E'\n',
    json_build_object('lease', lease -> 0, 'type', of_type, 'queue', room.queue, 'seconds', lease -> 1, 'max_attempts', lease -> 2, 'ids', ids),
    payloads, details));
  return json_build_array(((stored -> 0 -> 0)::jsonb || '[true, "running"]')::json);
end
$$;
