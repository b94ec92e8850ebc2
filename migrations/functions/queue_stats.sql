-- The numbers of queues: all, or those of these names. One snapshot, so the counts fit together. Those of jobs that wait or run are queue_numbers'.
-- Dead ones are counted in their index, up to 500 * max_counted of all queues together, and where vacuum has not come by up to 250 pages (see count_failed).
-- `capped` says that there are more of some, and that these numbers are lower bounds. Where many are dead the two parts are cheaper in two statements.
create or replace function forgeq.queue_stats(queues text[] default null, max_counted int default 1000, at timestamptz default null)
returns table (name text, paused boolean, max_in_flight int, max_pending int, retention_days int,
  scheduled bigint, pending bigint, leased bigint, running bigint, dead bigint, capped boolean, oldest_pending_seconds double precision,
  enqueued_rate double precision, completed_rate double precision, failed_rate double precision, dead_rate double precision)
language sql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set max_parallel_workers_per_gather = 0 set jit = off set lock_timeout = '4s'
as $$
  with dead as materialized (
    select c.queue, c.jobs, c.complete from forgeq.count_failed('{dead}', 500 * max_counted, 250) c),
  dead_jobs as (
    select d.queue, sum(d.jobs)::bigint as jobs from dead d where d.queue is not null group by d.queue)
  select n.name, n.paused, n.max_in_flight, n.max_pending, n.retention_days, n.scheduled, n.pending, n.leased, n.running, coalesce(d.jobs, 0),
         n.capped or not (select bool_and(d.complete) from dead d), n.oldest_pending_seconds,
         n.enqueued_rate, n.completed_rate, n.failed_rate, n.dead_rate
  from forgeq.queue_numbers(queue_stats.queues, max_counted, queue_stats.at) n
  left join dead_jobs d on d.queue = n.name
  order by n.name;
$$;
