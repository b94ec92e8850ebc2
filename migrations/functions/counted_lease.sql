-- The open leases, read from where metric_open has found the oldest, so that dead rows of leases that have closed since are not walked under a long snapshot.
-- A lease that became visible more than 15 seconds after its id was made may be missing, for ten minutes at most.
create or replace view forgeq.counted_lease as
select l.id, l.queue, l.type, l.open_jobs, l.began_at, l.outcomes, l.tally
from forgeq.metric_state m
join forgeq.lease l on l.id >= m.open_from
union all
select l.id, l.queue, l.type, l.open_jobs, l.began_at, l.outcomes, l.tally
from forgeq.metric_state m
cross join unnest(m.open_before) as u(id)
join forgeq.lease l on l.id = u.id;
