-- Where a counter of forgeq.metric_fresh stands in the counts of forgeq.metric_period: 1 jobs stored or retried by hand, 2 completed, 3 attempts that failed,
-- 4 jobs that died, 5 cancelled, 6 to 21 the buckets of the wait, 22 to 39 those of the run, as metric_ends has them. Null for others. Internal.
create or replace function forgeq.metric_position(name text)
returns int
language sql immutable
as $$
  select case
    when name in ('enqueued', 'retried') then 1
    when name = 'finished_completed' then 2
    when name in ('ended_retry', 'ended_dead', 'ended_timed_out', 'ended_lease_expired') then 3
    when name = 'finished_dead' then 4
    when name = 'finished_cancelled' then 5
    when name ~ '^wait_[0-9]+$' then 6 + substr(name, 6)::int
    when name ~ '^run_[0-9]+$' then 22 + substr(name, 5)::int end
$$;
