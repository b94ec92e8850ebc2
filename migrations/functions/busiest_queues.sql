-- The names of the queues with most live jobs, of those that this owner serves (null: any), as many as are asked for, and how many others there are; `quiet`
-- are those of them that have no live job and never had a dead one. Live jobs are taken from the counters (metric_now), up to 1,000 of a queue: above that,
-- queues are in the order of their names.
create or replace function forgeq.busiest_queues(max_queues int, owner text default null)
returns table (names text[], quiet text[], left_out int)
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
declare
  buried text[];
  live jsonb;
begin
  select array_agg(n.queue) filter (where n.dead > 0), jsonb_object_agg(n.queue, n.live) into buried, live
  from (
    select m.queue, count(*) filter (where m.name = 'finished_dead') as dead,
           sum(case when m.name in ('enqueued', 'retried') then m.value else -m.value end) as live
    from forgeq.metric_now m
    where m.name in ('enqueued', 'retried', 'finished_completed', 'finished_dead', 'finished_cancelled')
    group by m.queue) n;
  left_out := greatest(0, (select count(*) from forgeq.queue q where forgeq.is_served(q.owner, busiest_queues.owner)) - max_queues);
  if left_out = 0 then
    names := array(select q.name from forgeq.queue q where forgeq.is_served(q.owner, busiest_queues.owner) order by q.name);
  else
    names := array(
      select q.name
      from forgeq.queue q
      where forgeq.is_served(q.owner, busiest_queues.owner)
      order by least(coalesce((live ->> q.name)::bigint, 0), 1000) desc, q.name
      limit max_queues);
  end if;
  quiet := array(
    select q.name from unnest(names) as q(name)
    where coalesce(q.name <> all (buried), true) and coalesce((live ->> q.name)::bigint, 0) <= 0
      and not exists (select from forgeq.job j where j.queue = q.name offset 0));
  return next;
end
$$;
