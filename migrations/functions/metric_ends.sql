-- What the leases' tallies say of attempts, by queue, type and name: closed leases of transactions that are not visible in the snapshot `since` and are in
-- `until`; without `until` all that are visible now, open leases among them.
--   enqueued, of jobs that were stored with their lease; started; ended_OUTCOME; finished_STATE; wait_N and run_N (jobs in the Nth bucket
--   of the histogram, from 0, not cumulative); wait_ms and run_ms (sums). Buckets are those of lib/core/buckets.ts: a test compares.
create or replace function forgeq.metric_ends(since pg_snapshot, until pg_snapshot default null)
returns table (queue text, type text, name text, value bigint)
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set max_parallel_workers_per_gather = 0 set jit = off
as $$
  with open as materialized (
    select l.queue, l.type, l.tally, l.open_jobs, l.began_at from forgeq.counted_lease l where until is null),
  tallies as (
    select c.queue, c.type, c.tally
    from forgeq.lease_closed c
    where c.xid >= pg_snapshot_xmax(since) and (until is null or pg_visible_in_snapshot(c.xid, until))
    union all
    select c.queue, c.type, c.tally
    from forgeq.lease_closed c
    where c.xid = any (array(select pg_snapshot_xip(since))) and (until is null or pg_visible_in_snapshot(c.xid, until))
    union all
    select o.queue, o.type, o.tally from open o where o.tally <> ''),
  entries as (
    select t.queue, t.type, get_byte(t.tally, o) >> 4 as state, get_byte(t.tally, o) & 15 as outcome,
           ('x' || encode(substring(t.tally from o + 2 for 4), 'hex'))::bit(32)::int as wait,
           ('x' || encode(substring(t.tally from o + 6 for 4), 'hex'))::bit(32)::int as run
    from tallies t
    cross join lateral generate_series(0, length(t.tally) - 9, 9) as o),
  ends as (
    -- Seconds where it is negative: see elapsed_ms.
    select n.queue, n.type, n.state, n.outcome, n.wait <> -1 as ran,
           case when n.wait < -1 then n.wait * -1000::bigint else n.wait end as wait_ms,
           case when n.run < -1 then n.run * -1000::bigint else n.run end as run_ms
    from entries n),
  counted as (
    select e.queue, e.type, e.state, e.outcome, e.ran,
           -- A bound belongs to its bucket, so the thresholds are one millisecond above.
           width_bucket(e.wait_ms, array[51, 101, 251, 501, 1001, 2501, 5001, 10001, 30001, 60001, 120001, 300001, 600001, 1800001, 3600001]) as wait_bucket,
           width_bucket(e.run_ms, array[6, 11, 26, 51, 101, 251, 501, 1001, 2501, 5001, 10001, 30001, 60001, 120001, 300001, 600001, 900001]) as run_bucket,
           count(*) as jobs, sum(e.wait_ms) as wait_ms, sum(e.run_ms) as run_ms
    from ends e
    group by 1, 2, 3, 4, 5, 6, 7)
  select c.queue, c.type, n.name, sum(n.value)::bigint
  from counted c
  cross join lateral (
    values (case c.outcome when 11 then 'enqueued' end, c.jobs),
           ('ended_' || (array['completed', 'retry', 'dead', 'released', 'snoozed', 'lease_expired', 'timed_out', 'cancelled',
                               'undispatched', 'throttled', null, 'worker_crashed'])[c.outcome], c.jobs),
           ('finished_' || (array['completed', 'dead', 'cancelled'])[c.state], c.jobs),
           (case when c.ran then 'started' end, c.jobs),
           (case when c.ran then 'wait_' || c.wait_bucket end, c.jobs),
           (case when c.ran then 'wait_ms' end, c.wait_ms),
           (case when c.ran then 'run_' || c.run_bucket end, c.jobs),
           (case when c.ran then 'run_ms' end, c.run_ms)) as n(name, value)
  where n.name is not null
  group by 1, 2, 3
  union all
  select o.queue, o.type, 'started', sum(o.open_jobs)
  from open o
  where o.began_at is not null
  group by 1, 2
$$;
