-- The open leases, read from where metric_open has found the oldest, so that dead rows of leases that have closed since are not walked under a long snapshot.
-- A lease that became visible more than 15 seconds after its id was made may be missing, for ten minutes at most.
-- Without joins: the planner takes the table for empty, and would read the whole index, with an entry for each dead row.
create or replace view forgeq.counted_lease as
select l.id, l.queue, l.type, l.open_jobs, l.began_at, l.outcomes, l.tally
from forgeq.lease l
where l.id >= (select m.open_from from forgeq.metric_state m)
union all
select l.id, l.queue, l.type, l.open_jobs, l.began_at, l.outcomes, l.tally
from forgeq.lease l
where l.id = any ((select m.open_before from forgeq.metric_state m)::uuid[]);
