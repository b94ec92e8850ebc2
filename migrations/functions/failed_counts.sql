-- How many jobs are dead, and how many cancelled, by queue and type: in their newest life, exact up to max_counted of each. Null types or queues are all. Read
-- from their index alone.
create or replace function forgeq.failed_counts(types text[], queues text[], max_counted int default 500000)
returns table (queue text, type text, dead bigint, cancelled bigint)
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set max_parallel_workers_per_gather = 0 set jit = off set lock_timeout = '4s'
as $$
  select f.queue, f.type, count(*) filter (where f.state = 'dead'), count(*) filter (where f.state = 'cancelled')
  from (
    (select h.queue, h.type, h.state from forgeq.job_history h where h.state = 'dead' and h.revived is null limit max_counted)
    union all
    (select h.queue, h.type, h.state from forgeq.job_history h where h.state = 'cancelled' and h.revived is null limit max_counted)) f
  where (types is null or f.type = any (types)) and (queues is null or f.queue = any (queues))
  group by f.queue, f.type
$$;
