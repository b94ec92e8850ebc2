-- For each type: how many of the examined jobs wait because a lease came back without having begun, and whether the type has live jobs at all, as the counters
-- say. A job that came back is due again within a minute, so the jobs that are due last are examined, about max_examined in all queues together. Only in queues
-- where leases have come back so: the hundred in which most have.
create or replace function forgeq.type_trouble(max_examined int default 5000, at timestamptz default null)
returns table (type text, undispatched int, live boolean)
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
  with counters as materialized (
    select m.queue, m.type, m.name, m.value
    from forgeq.metric_now m
    where m.name in ('enqueued', 'retried', 'finished_completed', 'finished_dead', 'finished_cancelled', 'ended_undispatched')),
  refusing as (
    select c.queue, greatest(10, max_examined / 10 / count(*) over ())::int as share
    from (select c.queue from counters c where c.name = 'ended_undispatched' group by c.queue order by sum(c.value) desc limit 100) c),
  refused as (
    select j.type, count(*)::int as jobs
    from (select coalesce(type_trouble.at, clock_timestamp()) + interval '1 minute' as until offset 0) clock
    cross join refusing r
    cross join generate_series(0, 9) as p(n)
    cross join lateral (
      select j.type, j.dispatches from forgeq.job j
      where j.queue = r.queue and j.priority = p.n::smallint and j.run_at <= clock.until
      order by j.run_at desc limit r.share) j
    where j.dispatches > 0
    group by j.type),
  counted as (
    select c.type, sum(case when c.name in ('enqueued', 'retried') then c.value else -c.value end) as live
    from counters c
    where c.name <> 'ended_undispatched'
    group by c.type)
  select t.type, coalesce(refused.jobs, 0), coalesce(counted.live, 0) > 0
  from forgeq.job_type t
  left join refused on refused.type = t.type
  left join counted on counted.type = t.type
  where forgeq.as_owner(type_trouble.at) is not distinct from type_trouble.at
  order by t.type
$$;
