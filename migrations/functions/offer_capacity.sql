-- A listening worker offers its capacity for `seconds`; with 0 it takes its offer back. capacity: {queues, types, seconds, channel, key}, queues being null
-- for all, and key in hexadecimal digits; null changes nothing. Offers that ended more than a minute ago, as of a worker that was killed, are removed. Waits
-- for nobody but the worker's own last call.
create or replace function forgeq.offer_capacity(worker uuid, capacity jsonb, invocation text, at timestamptz default null)
returns void
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
begin
  if capacity is null then
    return;
  end if;
  delete from forgeq.worker_capacity w
  where w.ctid = any (array(select o.ctid from forgeq.worker_capacity o where o.until < now_at - interval '1 minute' for update skip locked));
  insert into forgeq.worker_capacity (worker, queues, types, invocation, until, channel, key)
  values (offer_capacity.worker,
          case when jsonb_typeof(capacity -> 'queues') = 'array' then array(select jsonb_array_elements_text(capacity -> 'queues')) end,
          array(select jsonb_array_elements_text(capacity -> 'types')), offer_capacity.invocation,
          now_at + make_interval(secs => (capacity ->> 'seconds')::double precision), capacity ->> 'channel', decode(capacity ->> 'key', 'hex'))
  on conflict (worker) do update
  set queues = excluded.queues, types = excluded.types, invocation = excluded.invocation, until = excluded.until,
      -- An offer that is taken back leaves them: a producer may have chosen this worker a moment ago, and is about to send.
      channel = coalesce(excluded.channel, worker_capacity.channel), key = coalesce(excluded.key, worker_capacity.key);
end
$$;
