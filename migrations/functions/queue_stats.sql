-- The numbers of queues: all, or those of these names. One snapshot, so the counts fit together.
--
-- Costs the same at any backlog: up to max_counted jobs are counted of each of scheduled and pending, and where more are scheduled, ten times as many of
-- pending; dead ones up to 500 * max_counted in all queues together. A larger number of one state is taken from the counters (metric_now). `capped` says that
-- both are larger, or that there are more dead ones, and that these numbers are lower bounds. Rates are of the last five minutes that were folded, per minute.
-- Due and claimed jobs are counted together, because claim_id is in no index; what leases hold open is taken off.
create or replace function forgeq.queue_stats(queues text[] default null, max_counted int default 1000, at timestamptz default null)
returns table (name text, paused boolean, max_in_flight int, max_pending int, retention_days int,
  scheduled bigint, pending bigint, leased bigint, running bigint, dead bigint, capped boolean, oldest_pending_seconds double precision,
  enqueued_rate double precision, completed_rate double precision, failed_rate double precision, dead_rate double precision)
language sql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set max_parallel_workers_per_gather = 0 set jit = off set lock_timeout = '4s'
as $$
  with dead_jobs as (
    select d.queue, count(*) as jobs
    from (select h.queue from forgeq.job_history h where h.state = 'dead' and h.revived is null limit 500::bigint * max_counted) d
    group by d.queue),
  held as (
    select l.queue, coalesce(sum(l.open_jobs) filter (where l.began_at is null), 0) as leased,
           coalesce(sum(l.open_jobs) filter (where l.began_at is not null), 0) as running
    from forgeq.counted_lease l
    group by l.queue),
  -- Read for a large backlog only, and once for all queues.
  counters as materialized (
    select m.queue, sum(case when m.name in ('enqueued', 'retried') then m.value else -m.value end)::bigint as live
    from forgeq.metric_now m
    where m.name in ('enqueued', 'retried', 'finished_completed', 'finished_dead', 'finished_cancelled')
    group by m.queue)
  select q.name, q.paused, q.max_in_flight, q.max_pending, q.retention_days,
         case when n.many_scheduled and not n.many_pending
                then greatest(n.scheduled, (select c.live from counters c where c.queue = q.name) - n.held - n.pending)
              else least(n.scheduled, max_counted) end,
         case when n.many_pending and not n.many_scheduled
                then greatest(n.pending, (select c.live from counters c where c.queue = q.name) - n.held - n.scheduled)
              else least(n.pending, 10::bigint * max_counted) end,
         coalesce(held.leased, 0), coalesce(held.running, 0), coalesce(dead_jobs.jobs, 0),
         n.many_scheduled and n.many_pending or coalesce((select sum(jobs) from dead_jobs), 0) >= 500::bigint * max_counted,
         -forgeq.bounded_seconds(n.oldest, clock.now_at),
         rate.enqueued, rate.completed, rate.failed, rate.dead
  from (select coalesce(forgeq.as_owner(queue_stats.at), clock_timestamp()) as now_at offset 0) clock
  cross join forgeq.queue q
  left join held on held.queue = q.name
  left join dead_jobs on dead_jobs.queue = q.name
  cross join lateral (
    select c.scheduled, c.pending, c.oldest, coalesce(held.leased + held.running, 0)::bigint as held, c.scheduled > max_counted as many_scheduled,
           c.pending > case when c.scheduled > max_counted then 10 else 1 end * max_counted as many_pending
    from forgeq.queue_jobs(q.name, coalesce(held.leased + held.running, 0)::bigint, clock.now_at, max_counted) c offset 0) n
  left join lateral (
    select (l.enqueued - e.enqueued) * f.per as enqueued, (l.completed - e.completed) * f.per as completed,
           (l.failed - e.failed) * f.per as failed, (l.dead - e.dead) * f.per as dead
    from (select m.folded_at as at from forgeq.metric_state m where m.folded_at > clock.now_at - interval '5 minutes') fold
    cross join lateral (select * from forgeq.metric_sample s where s.queue = q.name and s.at <= fold.at order by s.at desc limit 1) l
    -- A sample says what was so until the next one. Of a queue that is younger than five minutes there is a first one.
    cross join lateral (
      (select fold.at - interval '5 minutes' as since, s.* from forgeq.metric_sample s
       where s.queue = q.name and s.at <= fold.at - interval '5 minutes' order by s.at desc limit 1)
      union all
      (select s.at, s.* from forgeq.metric_sample s where s.queue = q.name order by s.at limit 1)
      limit 1) e
    cross join lateral (select 60 / extract(epoch from fold.at - e.since)::double precision as per where fold.at > e.since) f) rate on true
  where queue_stats.queues is null or q.name = any (queue_stats.queues)
  order by q.name;
$$;
