-- Which queues a worker takes from. Up to 64: all, {"names": [...]}, paused ones included. More: those with due jobs that it can run, {"due": [...],
-- "looked_at"}, or {} when it has seen the last look.
--
-- The look for due queues is one for all workers, every 20 s: whoever comes first makes it, and nobody waits for it. So a worker that asks every six seconds
-- hears of a job that nobody announced 32 s after it fell due at most.
-- types: those that the caller can run. seen: `looked_at` of the last answer. fresh: looks now, whenever the last look was, and for this caller alone.
create or replace function forgeq.find_queues(types text[], seen text default null, fresh boolean default false, at timestamptz default null)
returns json
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
declare
  look_every constant interval := '20 seconds';
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  last forgeq.queue_look;
begin
  if not forgeq.has_many_queues() then
    return json_build_object('names', array(select q.name from forgeq.queue q order by q.name));
  end if;
  if fresh then
    -- Not inside the query below, whose planner would call it, too.
    last.due := forgeq.due_queues(now_at);
  else
    select l.* into last from forgeq.queue_look l;
    -- Ahead of the clock: it was put back.
    if (last.looked_at > now_at - look_every and last.looked_at <= now_at) is not true
        and forgeq.lock_mutex('find_queues') then
      insert into forgeq.queue_look as l (looked_at, due) values (now_at, forgeq.due_queues(now_at))
      on conflict (one) do update set looked_at = excluded.looked_at, due = excluded.due
      returning l.* into last;
    end if;
  end if;
  if last.looked_at is null and not fresh or last.looked_at::text = seen then
    return '{}';
  end if;
  return json_build_object(
    'looked_at', last.looked_at::text,
    'due', array(
      select d.queue from unnest(last.due) as d(queue)
      where exists (select from forgeq.metric_series s where s.queue = d.queue and s.type = any (types))));
end
$$;
