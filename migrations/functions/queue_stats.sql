-- The numbers of queues: all, or those of these names. One snapshot, so the counts fit together.
--
-- Costs about 10 ms for a queue of a million waiting jobs: waiting jobs are counted in the index, and no further than
-- max_counted each of scheduled and pending; dead ones no further than max_counted / 10 in all queues together.
-- A larger backlog is taken from the counters (metric_now); `capped` says that this could not tell scheduled from pending, or that
-- there are more dead ones, and that the number is a lower bound. Rates are of the last five minutes that were folded, per minute.
-- Due and claimed jobs are counted together, because claim_id is in no index; what leases hold open is taken off.
create or replace function forgeq.queue_stats(queues text[] default null, max_counted int default 10000, at timestamptz default null)
returns table (name text, paused boolean, max_in_flight int, max_pending int, retention_days int,
  scheduled int, pending int, leased int, running int, dead int, capped boolean, oldest_pending_seconds double precision,
  enqueued_rate double precision, completed_rate double precision, failed_rate double precision, dead_rate double precision)
language sql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set max_parallel_workers_per_gather = 0 set jit = off
as $$
  with dead_jobs as (
    select d.queue, count(*)::int as jobs
    from (
      select h.queue from forgeq.job_history h
      where h.state = 'dead' and (queue_stats.queues is null or h.queue = any (queue_stats.queues))
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
         (case when n.scheduled > max_counted and n.pending <= max_counted then greatest(n.scheduled, counted.live - n.held - n.pending)
               else least(n.scheduled, max_counted) end)::int,
         (case when n.pending > max_counted and n.scheduled <= max_counted then greatest(n.pending, counted.live - n.held - n.scheduled)
               else least(n.pending, max_counted) end)::int,
         coalesce(held.leased, 0), coalesce(held.running, 0), coalesce(dead_jobs.jobs, 0),
         n.scheduled > max_counted and n.pending > max_counted or coalesce((select sum(jobs) from dead_jobs), 0) >= max_counted / 10,
         -forgeq.bounded_seconds(waiting.oldest, clock.now_at),
         rate.enqueued, rate.completed, rate.failed, rate.dead
  from (select coalesce(forgeq.as_owner(queue_stats.at), clock_timestamp()) as now_at offset 0) clock
  cross join forgeq.queue q
  left join held on held.queue = q.name
  left join dead_jobs on dead_jobs.queue = q.name
  cross join lateral (
    select sum(p.scheduled) as scheduled, sum(p.due) as due, min(p.oldest) as oldest
    from generate_series(0, 9) as priorities(n)
    cross join lateral (
      select (select count(*) from (
                select from forgeq.job j where j.queue = q.name and j.priority = n::smallint and j.run_at > clock.now_at
                limit max_counted + 1) x) as scheduled,
             (select count(*) from (
                select from forgeq.job j where j.queue = q.name and j.priority = n::smallint and j.run_at <= clock.now_at
                limit max_counted + 1 + coalesce(held.leased + held.running, 0)) x) as due,
             (select j.run_at from forgeq.job j
              where j.queue = q.name and j.priority = n::smallint and j.run_at <= clock.now_at and j.claim_id is null
              order by j.run_at limit 1) as oldest) p) waiting
  cross join lateral (
    select coalesce(held.leased + held.running, 0) as held, waiting.scheduled,
           greatest(waiting.due - coalesce(held.leased + held.running, 0), 0) as pending) n
  left join lateral (
    select sum(case when m.name in ('enqueued', 'retried') then m.value else -m.value end) as live
    from forgeq.metric_now m
    where greatest(n.scheduled, n.pending) > max_counted and m.queue = q.name
      and m.name in ('enqueued', 'retried', 'finished_completed', 'finished_dead', 'finished_cancelled')) counted on true
  left join lateral (
    select (l.enqueued - e.enqueued) * f.per as enqueued, (l.completed - e.completed) * f.per as completed,
           (l.failed - e.failed) * f.per as failed, (l.dead - e.dead) * f.per as dead
    from (select * from forgeq.metric_sample s where s.queue = q.name and s.at > clock.now_at - interval '5 minutes' order by s.at desc limit 1) l
    cross join lateral (select * from forgeq.metric_sample s where s.queue = q.name and s.at >= l.at - interval '5 minutes' order by s.at limit 1) e
    cross join lateral (select 60 / extract(epoch from l.at - e.at)::double precision as per where l.at > e.at) f) rate on true
  where queue_stats.queues is null or q.name = any (queue_stats.queues)
  order by q.name;
$$;
