-- Seconds until the next job, of these queues or of any, falls due within `horizon` seconds, null for none. Jobs of paused
-- queues don't count, and jobs due already are the claim's business, so a job that a limit holds back arms nothing.
create or replace function forgeq.next_due(
  horizon double precision default 120, at timestamptz default null, queues text[] default null)
returns double precision
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
  select extract(epoch from min(first.run_at) - min(clock.now_at))
  from (select coalesce(forgeq.as_owner(at), clock_timestamp()) as now_at) clock
  cross join forgeq.queue q
  cross join generate_series(0, 9) as p(priority)
  cross join lateral (
    select j.run_at from forgeq.job j
    where j.queue = q.name and j.priority = p.priority::smallint
      and j.run_at > clock.now_at and j.run_at <= clock.now_at + make_interval(secs => horizon) and j.claim_id is null
    order by j.run_at limit 1) first
  where not q.paused and (queues is null or q.name = any (queues))
$$;
