-- The numbers of queues but for their dead jobs: all queues, or those of these names. One snapshot, so the counts fit together. See queue_stats.
--
-- Costs the same at any backlog, and where vacuum has not come by: up to max_counted jobs are counted of each of scheduled and pending, and ten times as many
-- where there are more of the other one, or of both. For that the queues together read 900 pages, and some more where they are over 150; each looks at ten jobs
-- in any case (see queue_jobs). A larger number of one state is taken from the counters (metric_now). `capped` says that both are larger, and that these
-- numbers are lower bounds. Rates are of the last five minutes that were folded, per minute.
--
-- Due and claimed jobs are counted together, because claim_id is in no index; what leases hold open is taken off.
create or replace function forgeq.queue_numbers(queues text[] default null, max_counted int default 1000, at timestamptz default null)
returns table (name text, paused boolean, max_in_flight int, max_pending int, retention_days int,
  scheduled bigint, pending bigint, leased bigint, running bigint, capped boolean, oldest_pending_seconds double precision,
  enqueued_rate double precision, completed_rate double precision, failed_rate double precision, dead_rate double precision)
language sql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set max_parallel_workers_per_gather = 0 set jit = off set lock_timeout = '4s'
as $$
  with held as (
    select l.queue, coalesce(sum(l.open_jobs) filter (where l.began_at is null), 0) as leased,
           coalesce(sum(l.open_jobs) filter (where l.began_at is not null), 0) as running
    from forgeq.counted_lease l
    group by l.queue),
  -- Read for several queues or a large backlog only, and once for all queues.
  counters as materialized (
    select m.queue, sum(case when m.name in ('enqueued', 'retried') then m.value else -m.value end)::bigint as live
    from forgeq.metric_now m
    where m.name in ('enqueued', 'retried', 'finished_completed', 'finished_dead', 'finished_cancelled')
    group by m.queue)
  select q.name, q.paused, q.max_in_flight, q.max_pending, q.retention_days,
         case when n.more_scheduled and not n.more_pending
                then greatest(n.scheduled, (select c.live from counters c where c.queue = q.name) - q.held - n.pending)
              else least(n.scheduled, 10::bigint * max_counted) end,
         case when n.more_pending and not n.more_scheduled
                then greatest(n.pending, (select c.live from counters c where c.queue = q.name) - q.held - n.scheduled)
              else least(n.pending, 10::bigint * max_counted) end,
         q.leased, q.running, n.more_scheduled and n.more_pending,
         -forgeq.bounded_seconds(n.oldest, clock.now_at),
         rate.enqueued, rate.completed, rate.failed, rate.dead
  from (select coalesce(forgeq.as_owner(queue_numbers.at), clock_timestamp()) as now_at, forgeq.job_pages() as pages,
               (select m.folded_at from forgeq.metric_state m) as folded_at offset 0) clock
  cross join lateral (
    select u.name, u.paused, u.max_in_flight, u.max_pending, u.retention_days, coalesce(h.leased, 0) as leased, coalesce(h.running, 0) as running,
           coalesce(h.leased + h.running, 0)::bigint as held,
           row_number() over (order by c.live nulls first, u.name) as n, count(*) over () as queues
    from forgeq.queue u
    left join held h on h.queue = u.name
    left join lateral (
      select c.live from counters c where c.queue = u.name and cardinality(queue_numbers.queues) is distinct from 1 limit 1) c on true
    where queue_numbers.queues is null or u.name = any (queue_numbers.queues)
    order by n offset 0) q
  -- Those with few jobs first: what one leaves of its share of the pages the next ones have.
  cross join lateral (
    select c.*
    from forgeq.queue_jobs(q.name, q.held, clock.now_at, max_counted, clock.pages + greatest(900, 300 + 4 * q.queues) * q.n / q.queues) c offset 0) n
  left join lateral (
    select (l.enqueued - e.enqueued) * f.per as enqueued, (l.completed - e.completed) * f.per as completed,
           (l.failed - e.failed) * f.per as failed, (l.dead - e.dead) * f.per as dead
    from (select clock.folded_at as at, clock.folded_at - interval '5 minutes' as since where clock.folded_at > clock.now_at - interval '5 minutes') fold
    cross join lateral (select * from forgeq.metric_sample s where s.queue = q.name and s.at <= fold.at order by s.at desc limit 1) l
    -- A sample says what was so until the next one. Of a queue that is younger than five minutes there is a first one.
    cross join lateral (
      (select fold.since, l.enqueued, l.completed, l.failed, l.dead where l.at <= fold.since)
      union all
      (select fold.since, s.enqueued, s.completed, s.failed, s.dead from forgeq.metric_sample s
       where l.at > fold.since and s.queue = q.name and s.at <= fold.since order by s.at desc limit 1)
      union all
      (select s.at, s.enqueued, s.completed, s.failed, s.dead from forgeq.metric_sample s where s.queue = q.name order by s.at limit 1)
      limit 1) e
    cross join lateral (select 60 / extract(epoch from fold.at - e.since)::double precision as per where fold.at > e.since) f) rate on true
  order by q.name;
$$;
