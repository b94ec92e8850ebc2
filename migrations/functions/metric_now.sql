-- Every counter and histogram as of now, exact to the last commit: what is folded, and what is not yet. One row per queue, type and
-- name. A view and not a function, so that a statement locks the deltas before it takes its snapshot: TRUNCATE, which
-- snapshots don't see, then comes before it or after it.
create or replace view forgeq.metric_now as
-- Read once, however many counters there are.
with series as materialized (select s.id, s.queue, s.type from forgeq.metric_series s)
select n.queue, n.type, n.name, sum(n.value)::bigint as value
from (
  select s.queue, s.type, t.name, t.value
  from forgeq.metric_total t join series s on s.id = t.series
  union all
  select f.queue, f.type, f.name, f.value from forgeq.metric_fresh f) n
group by n.queue, n.type, n.name;
