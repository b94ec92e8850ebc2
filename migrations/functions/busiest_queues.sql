-- The names of the queues with most live jobs, of those that this owner serves (null: any), as many as are asked for, and how many others there are; `quiet`
-- are those of them that have no live job and never had a dead one. Where all are asked for, no job is counted. Live jobs are counted in the index, up to 1,000
-- of a queue.
create or replace function forgeq.busiest_queues(max_queues int, owner text default null)
returns table (names text[], quiet text[], left_out int)
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
declare
  buried text[] := array(select distinct n.queue from forgeq.metric_now n where n.name = 'finished_dead');
begin
  left_out := greatest(0, (select count(*) from forgeq.queue q where forgeq.is_served(q.owner, busiest_queues.owner)) - max_queues);
  if left_out = 0 then
    names := array(select q.name from forgeq.queue q where forgeq.is_served(q.owner, busiest_queues.owner) order by q.name);
  else
    names := array(
      select q.name
      from forgeq.queue q
      cross join lateral (select count(*) as jobs from (select from forgeq.job j where j.queue = q.name limit 1000) x) live
      where forgeq.is_served(q.owner, busiest_queues.owner)
      order by live.jobs desc, q.name
      limit max_queues);
  end if;
  quiet := array(
    select q.name from unnest(names) as q(name)
    where q.name <> all (buried) and not exists (select from forgeq.job j where j.queue = q.name offset 0));
  return next;
end
$$;
