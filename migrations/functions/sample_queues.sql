-- Writes what the counters of each queue say now, where that is not what its last sample says: queue_stats makes the rates of it. Internal: metric_fold calls
-- it. A queue that did not change writes nothing: its last sample holds on, however old it is.
create or replace function forgeq.sample_queues(now_at timestamptz)
returns void
language plpgsql
as $$
declare
  kept constant interval := '1 hour';
begin
  delete from forgeq.metric_sample s
  where s.at < now_at - kept
    and exists (select from forgeq.metric_sample newer where newer.queue = s.queue and newer.at > s.at and newer.at < now_at - kept);
  insert into forgeq.metric_sample (at, queue, enqueued, completed, failed, dead)
  select now_at, n.*
  from (
    select q.name as queue,
           coalesce(sum(n.value) filter (where n.name in ('enqueued', 'retried')), 0)::bigint as enqueued,
           coalesce(sum(n.value) filter (where n.name = 'finished_completed'), 0)::bigint as completed,
           coalesce(sum(n.value) filter (where n.name in ('ended_retry', 'ended_dead', 'ended_timed_out', 'ended_lease_expired',
             'ended_worker_crashed')), 0)::bigint as failed,
           coalesce(sum(n.value) filter (where n.name = 'finished_dead'), 0)::bigint as dead
    from forgeq.queue q
    left join forgeq.metric_now n on n.queue = q.name
    group by q.name) n
  left join (select distinct on (s.queue) s.* from forgeq.metric_sample s order by s.queue, s.at desc) last on last.queue = n.queue
  where (n.enqueued, n.completed, n.failed, n.dead) is distinct from (last.enqueued, last.completed, last.failed, last.dead)
  on conflict (queue, at) do update
  set enqueued = excluded.enqueued, completed = excluded.completed, failed = excluded.failed, dead = excluded.dead;
end
$$;
