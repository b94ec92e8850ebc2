-- Every counter and histogram as of now, exact to the last commit: what is folded, and what is not yet. One row per queue, type and
-- name. A view and not a function, so that a statement locks the deltas before it takes its snapshot: TRUNCATE, which
-- snapshots don't see, then comes before it or after it.
create or replace view forgeq.metric_now as
select n.queue, n.type, n.name, sum(n.value)::bigint as value
from (
  select s.queue, s.type, t.name, t.value
  from forgeq.metric_total t join forgeq.metric_series s on s.id = t.series
  union all
  select e.queue, e.type, e.name, e.value
  from forgeq.metric_state m cross join lateral forgeq.metric_ends(m.snap) e
  union all
  select s.queue, s.type, k.name, d.jobs
  from forgeq.metric_deltas d
  join forgeq.metric_series s on s.id = d.series
  join (values ('e'::"char", 'enqueued'), ('r', 'retried'), ('c', 'finished_cancelled'), ('m', 'ended_lease_expired')) as k(kind, name)
    on k.kind = d.kind) n
group by n.queue, n.type, n.name;
