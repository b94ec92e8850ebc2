-- The numbers of queues: all, or one by its name. One snapshot, so the counts fit together.
--
-- Costs about 10 ms for a queue of a million waiting jobs: waiting jobs are counted in the index, and no further than
-- max_counted each of scheduled and pending; dead ones no further than max_counted / 10 in all queues together.
-- `capped` says that a count stopped there, and that the number is a lower bound.
-- Due and claimed jobs are counted together, because claim_id is in no index; what leases hold open is taken off.
create or replace function forgeq.queue_stats(queue text default null, max_counted int default 10000, at timestamptz default null)
returns table (name text, paused boolean, max_in_flight int, max_pending int, retention_days int,
  scheduled int, pending int, leased int, running int, dead int, capped boolean, oldest_pending_seconds double precision)
language sql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off
as $$
  with dead_jobs as (
    select d.queue, count(*)::int as jobs
    from (
      select h.queue from forgeq.job_history h
      where h.state = 'dead' and (queue_stats.queue is null or h.queue = queue_stats.queue)
        and not exists (select from forgeq.job j where j.id = h.id)
        and not exists (select from forgeq.job_history later where later.id = h.id and later.life > h.life)
      limit max_counted / 10) d
    group by d.queue),
  held as (
    select l.queue, coalesce(sum(l.open_jobs) filter (where l.began_at is null), 0)::int as leased,
           coalesce(sum(l.open_jobs) filter (where l.began_at is not null), 0)::int as running
    from forgeq.lease l
    group by l.queue)
  select q.name, q.paused, q.max_in_flight, q.max_pending, q.retention_days,
         least(waiting.scheduled, max_counted)::int,
         least(greatest(waiting.due - coalesce(held.leased + held.running, 0), 0), max_counted)::int,
         coalesce(held.leased, 0), coalesce(held.running, 0), coalesce(dead_jobs.jobs, 0),
         waiting.scheduled > max_counted or waiting.due - coalesce(held.leased + held.running, 0) > max_counted
           or coalesce((select sum(jobs) from dead_jobs), 0) >= max_counted / 10,
         extract(epoch from clock.now - waiting.oldest)::double precision
  from (select coalesce(queue_stats.at, clock_timestamp()) as now offset 0) clock
  cross join forgeq.queue q
  left join held on held.queue = q.name
  left join dead_jobs on dead_jobs.queue = q.name
  cross join lateral (
    select sum(p.scheduled) as scheduled, sum(p.due) as due, min(p.oldest) as oldest
    from generate_series(0, 9) as priorities(n)
    cross join lateral (
      select (select count(*) from (
                select from forgeq.job j where j.queue = q.name and j.priority = n::smallint and j.run_at > clock.now
                limit max_counted + 1) x) as scheduled,
             (select count(*) from (
                select from forgeq.job j where j.queue = q.name and j.priority = n::smallint and j.run_at <= clock.now
                limit max_counted + 1 + coalesce(held.leased + held.running, 0)) x) as due,
             (select j.run_at from forgeq.job j
              where j.queue = q.name and j.priority = n::smallint and j.run_at <= clock.now and j.claim_id is null
              order by j.run_at limit 1) as oldest) p) waiting
  where queue_stats.queue is null or q.name = queue_stats.queue
  order by q.name;
$$;
