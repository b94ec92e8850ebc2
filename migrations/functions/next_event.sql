-- Seconds until the next thing that the tick or a dispatcher must attend to, each null for none: a job that falls due, a slot
-- of a schedule, the expiry of a lease. Not above 0 for what is due already. What nobody could act on counts as nothing: jobs of
-- paused queues, and due jobs that a queue's limit holds back (whatever frees a place wakes a dispatcher).
create or replace function forgeq.next_event(at timestamptz default null)
returns table (job_seconds double precision, slot_seconds double precision, lease_seconds double precision)
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
  select
    (select forgeq.bounded_seconds(min(first.run_at), clock.now_at)
     from (select q.name, q.max_in_flight <= coalesce((select sum(l.open_jobs) from forgeq.lease l where l.queue = q.name), 0) as full
           from forgeq.queue q where not q.paused) q
     cross join generate_series(0, 9) as p(priority)
     cross join lateral (
       select j.run_at from forgeq.job j
       where j.queue = q.name and j.priority = p.priority::smallint and j.claim_id is null
         and j.run_at >= case when q.full then clock.now_at + interval '1 microsecond' else '-infinity'::timestamptz end
       order by j.run_at limit 1) first),
    (select forgeq.bounded_seconds(min(s.next_slot_at), clock.now_at) from forgeq.schedule s where not s.paused),
    (select forgeq.bounded_seconds(min(l.expires_at), clock.now_at) from forgeq.lease l)
  from (select coalesce(forgeq.as_owner(at), clock_timestamp()) as now_at) clock
$$;
