-- Seconds until the next job, of these queues or of any, falls due within `horizon` seconds, null for none. Jobs of paused
-- queues don't count before the end of the pause, and jobs due already are the claim's business, so a job that a limit holds back arms nothing. Of any
-- queue, a probe of a blocked type that falls due counts as a job. Of what this owner serves, null for everything.
-- Of any, where there are many queues, it costs a few buffers for each queue and priority that has a job; else for each priority.
create or replace function forgeq.next_due(
  horizon double precision default 120, at timestamptz default null, queues text[] default null, owner text default null)
returns double precision
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  until_at timestamptz := now_at + make_interval(secs => horizon);
  soonest timestamptz;
begin
  if queues is null then
    soonest := (select min(b.probe_at) from forgeq.type_block b where b.probe_at > now_at
      and not exists (select from forgeq.job_type t where t.type = b.type and not forgeq.is_served(t.owner, next_due.owner)));
  end if;
  if queues is null and forgeq.has_many_queues() then
    soonest := least(soonest, forgeq.first_job(now_at, false, owner));
    return case when soonest <= until_at then extract(epoch from soonest - now_at) end;
  end if;
  soonest := least(soonest, (
    select min(greatest(first.run_at, q.paused_until))
    from (
      select u.name, case when u.paused and u.paused_until > now_at then u.paused_until end as paused_until
      from forgeq.queue u
      where (not u.paused or u.paused_until <= until_at) and (queues is null or u.name = any (queues)) and forgeq.is_served(u.owner, next_due.owner)) q
    cross join generate_series(0, 9) as p(priority)
    cross join lateral (
      select j.run_at from forgeq.job j
      where j.queue = q.name and j.priority = p.priority::smallint and j.run_at > case when q.paused_until is null then now_at else '-infinity' end
        and j.run_at <= until_at and j.claim_id is null
      order by j.run_at limit 1) first));
  return case when soonest <= until_at then extract(epoch from soonest - now_at) end;
end
$$;
