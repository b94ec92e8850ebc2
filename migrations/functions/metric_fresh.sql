-- What has been counted since the last fold, by queue, type and name, several rows of each; exact to the last commit. `is_late`: it was written before that
-- fold, to a side of the deltas that is folded by the next one. A view, as metric_now, which see.
create or replace view forgeq.metric_fresh as
select e.queue, e.type, e.name, e.value, false as is_late
from forgeq.metric_state m cross join lateral forgeq.metric_ends(m.snap) e
union all
select s.queue, s.type, k.name, d.jobs, d.side <> (select m.active from forgeq.metric_state m)
-- Summed up before the names are looked up: a transaction that has enqueued and stays open keeps the deltas of a minute.
from (select n.series, n.kind, n.side, sum(n.jobs) as jobs from forgeq.metric_deltas n group by n.series, n.kind, n.side) d
join forgeq.metric_series s on s.id = d.series
join (values ('e'::"char", 'enqueued'), ('r', 'retried'), ('c', 'finished_cancelled'), ('m', 'ended_lease_expired')) as k(kind, name)
  on k.kind = d.kind;
