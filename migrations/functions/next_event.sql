-- Seconds until the next thing that the tick or a dispatcher must attend to, each null for none: a job that falls due, a slot
-- of a schedule or the end of a pause, the expiry of a lease. Not above 0 for what is due already. What nobody could act on counts as nothing: jobs of
-- paused queues, and due jobs that a queue's limit holds back (whatever frees a place wakes a dispatcher). `jobs`: whether they are looked for.
-- Of what this owner serves, null for everything.
create or replace function forgeq.next_event(at timestamptz default null, jobs boolean default true, owner text default null)
returns table (job_seconds double precision, slot_seconds double precision, lease_seconds double precision)
language sql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
  select
    case when jobs then forgeq.bounded_seconds(forgeq.first_job(clock.now_at, true, next_event.owner), clock.now_at) end,
    least(
      (select forgeq.bounded_seconds(s.next_slot_at, clock.now_at)
       from forgeq.schedule s
       where not s.paused and s.next_slot_at is not null
         and (next_event.owner is null
           or not exists (select from forgeq.job_type t where t.type = s.type and not forgeq.is_served(t.owner, next_event.owner)))
       order by s.next_slot_at
       limit 1),
      (select forgeq.bounded_seconds(min(q.paused_until), clock.now_at)
       from forgeq.queue q where q.paused and forgeq.is_served(q.owner, next_event.owner))),
    forgeq.bounded_seconds(forgeq.earliest_expiry_of(next_event.owner), clock.now_at)
  from (select coalesce(forgeq.as_owner(at), clock_timestamp()) as now_at) clock
$$;
