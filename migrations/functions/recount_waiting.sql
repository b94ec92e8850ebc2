-- Sets right the count of jobs that wait in queues that have max_pending: those of these names, or all. The trigger calls it when a queue gets max_pending,
-- the fold of each tick for what was changed by hand. Internal.
--
-- Jobs are counted up to a thousand in a queue; a larger backlog is taken from the counters, as queue_stats does. Compared with the mark in one statement, so
-- nobody has to be kept out: whoever changes jobs meanwhile says so himself.
create or replace function forgeq.recount_waiting(queues text[] default null)
returns void
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  wrong record;
begin
  -- A database restored into another cluster: its transactions count from the beginning, and no mark would ever be followed by anything.
  delete from forgeq.waiting_mark m using forgeq.queue q
  where q.max_pending is not null and m.queue = q.name and (recount_waiting.queues is null or q.name = any (recount_waiting.queues))
    and pg_snapshot_xmax(m.seen) > pg_snapshot_xmax(pg_current_snapshot());
  insert into forgeq.waiting_mark (queue, n, jobs)
  select q.name, 1, 0 from forgeq.queue q
  where q.max_pending is not null and (recount_waiting.queues is null or q.name = any (recount_waiting.queues))
    and not exists (select from forgeq.waiting_mark m where m.queue = q.name)
  on conflict do nothing;
  insert into forgeq.mutex (name)
  select 'room ' || q.name from forgeq.queue q
  where q.max_pending is not null and (recount_waiting.queues is null or q.name = any (recount_waiting.queues))
    and not exists (select from forgeq.mutex o where o.name = 'room ' || q.name)
  on conflict do nothing;

  for wrong in
    select c.name, c.counted - c.said as jobs
    from (
      select q.name, w.jobs as said,
             case when counted.jobs <= 1000 or live.jobs is null then counted.jobs else greatest(live.jobs, counted.jobs) end - held.jobs as counted
      from forgeq.queue q
      cross join lateral forgeq.waiting_jobs(q.name) w
      cross join lateral (select coalesce(sum(l.open_jobs), 0)::bigint as jobs from forgeq.counted_lease l where l.queue = q.name) held
      cross join lateral (select count(*) as jobs from (select from forgeq.job j where j.queue = q.name limit 1001 + held.jobs) j) counted
      left join lateral (
        select sum(case when m.name in ('enqueued', 'retried') then m.value else -m.value end)::bigint as jobs
        from forgeq.metric_now m
        where counted.jobs > 1000 and m.queue = q.name
          and m.name in ('enqueued', 'retried', 'finished_completed', 'finished_dead', 'finished_cancelled')) live on true
      where q.max_pending is not null and (recount_waiting.queues is null or q.name = any (recount_waiting.queues))) c
    where c.counted <> c.said
  loop
    perform forgeq.count_waiting(wrong.name, wrong.jobs);
  end loop;
end
$$;
