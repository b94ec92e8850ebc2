-- When the next job falls due that a claim could take: not of a paused queue, nor a due one that a limit holds back. Not above now_at for a job that is due;
-- those are left out where `due` is false. Of queues that this owner serves, null for any. Internal. See job_heads for what it costs; it looks no further once
-- it has found a job that is due.
create or replace function forgeq.first_job(now_at timestamptz, due boolean default true, owner text default null)
returns timestamptz
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  -- A look for a job that is due may end with the first page.
  page constant int := case when due then 64 else 256 end;
  head record;
  held record;
  later timestamptz;
  soonest timestamptz;
  given int;
  seen_queue text := '';
  seen_priority smallint := 0;
begin
  loop
    given := 0;
    for head in select h.queue, h.priority, h.run_at from forgeq.job_heads(now_at, due, seen_queue, seen_priority, page) h loop
      given := given + 1;
      seen_queue := head.queue;
      seen_priority := head.priority;
      continue when head.run_at >= soonest;
      select q.paused and coalesce(q.paused_until > now_at, true) or not forgeq.is_served(q.owner, first_job.owner) as passed, q.max_in_flight
      into held
      from forgeq.queue q where q.name = head.queue;
      continue when held.passed is not false;
      later := head.run_at;
      if head.run_at <= now_at then
        if due and (held.max_in_flight is null or held.max_in_flight > forgeq.in_flight(head.queue)) then
          return head.run_at;
        end if;
        later := (
          select j.run_at from forgeq.job j
          where j.queue = head.queue and j.priority = head.priority and j.run_at > now_at and j.claim_id is null
          order by j.run_at limit 1);
      end if;
      soonest := least(soonest, later);
    end loop;
    exit when given < page;
  end loop;
  return soonest;
end
$$;
