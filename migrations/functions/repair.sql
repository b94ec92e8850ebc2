-- Gives back live jobs with a claim that no open lease lists: a state that the protocol never makes, mended all the same.
-- Examines max_jobs jobs after the id `after`, in the order of ids; last_id is null at the end of the table.
-- A job whose lease is being closed right now is locked and skipped. The attempt stays counted.
-- Jobs that wait though their start_before has passed end cancelled, as those of a paused queue, which no claim looks at.
--
-- clock_was: the clock went back, see check_clock. A waiting job that was due when it was stored is due now then, and one that waits after an attempt keeps the
-- time that it had to wait, from now; `redated` counts them. One that was stored with a time of its own keeps that time.
create or replace function forgeq.repair(after uuid, max_jobs int default 1000, at timestamptz default null, clock_was timestamptz default null)
returns table (repaired int, redated int, last_id uuid)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  stray uuid;
  held record;
  strays uuid[];
  ahead uuid[];
  late uuid[];
  examined int;
begin
  -- What check_clock found, or the owner says.
  if clock_was is not null and clock_was is distinct from (select p.clock_was from forgeq.tick_part p where p.part = 'repair') then
    clock_was := forgeq.as_owner(clock_was);
  end if;
  repaired := 0;
  redated := 0;
  -- The leases of a claim are looked up once, however many of its jobs are in the slice.
  with slice as materialized (
    select j.id, j.claim_id, j.run_at, j.start_before from forgeq.job j
    where j.id > coalesce(after, '00000000-0000-0000-0000-000000000000') order by j.id limit max_jobs),
  listed as materialized (
    select distinct c.claim_id, u.id
    from (select distinct s.claim_id from slice s where s.claim_id is not null) c
    cross join lateral (select l.job_ids from forgeq.lease l where l.claim_id = c.claim_id offset 0) l
    cross join unnest(l.job_ids) as u(id))
  select count(*), (array_agg(s.id order by s.id desc))[1],
         coalesce(array_agg(s.id) filter (where s.claim_id is not null and l.id is null), '{}'),
         array_agg(s.id) filter (where s.claim_id is null and s.run_at > now_at and clock_was is not null),
         array_agg(s.id) filter (where s.claim_id is null and s.start_before <= now_at)
  into examined, last_id, strays, ahead, late
  from slice s
  left join listed l on l.claim_id = s.claim_id and l.id = s.id;
  foreach stray in array strays loop
    select j.ctid as tid, j.claim_id, coalesce(j.life, 1) as life, j.attempt, j.queue, j.type into held
    from forgeq.job j where j.id = stray and j.claim_id is not null for update skip locked;
    -- Looked up again in a later statement: the claim may have committed its leases meanwhile.
    if found and not exists (select from forgeq.lease l where l.claim_id = held.claim_id and stray = any (l.job_ids)) then
      update forgeq.job set claim_id = null, run_at = now_at, created_at = coalesce(created_at, run_at),
        max_attempts = least(1000, greatest(max_attempts, held.attempt + 1))
      where ctid = held.tid and claim_id = held.claim_id;
      insert into forgeq.job_attempt (job_id, life, number, outcome, ended_at, error, queue, type)
      values (stray, held.life, held.attempt, 'lease_expired', now_at,
              jsonb_build_object('name', 'Repaired', 'message', 'the job had a claim without a lease'), held.queue, held.type);
      perform forgeq.metric_add(held.queue, held.type, 'm', 1);
      repaired := repaired + 1;
    end if;
  end loop;
  if late is not null then
    perform forgeq.cancel_waiting(late, null, null, now_at, true);
  end if;
  if ahead is not null then
    -- Ticks come once a minute: the clock may have gone on for some before it went back.
    update forgeq.job j
    set run_at = now_at + case when j.created_at is null then interval '0' else j.run_at - waits.since end
    from (
      select o.ctid as tid, o.created_at is null as was_due,
             (select max(a.ended_at) from forgeq.job_attempt a
              where a.job_id = o.id and a.life = coalesce(o.life, 1) and a.ended_at > now_at and a.ended_at <= clock_was + interval '10 minutes') as since
      from forgeq.job o
      where o.id = any (ahead) and o.claim_id is null and o.run_at > now_at
        and (o.created_at is not null or o.run_at <= clock_was + interval '10 minutes')
      for update skip locked) waits
    where j.ctid = waits.tid and (waits.was_due or j.run_at >= waits.since);
    get diagnostics redated = row_count;
  end if;
  if examined < max_jobs then
    last_id := null;
  end if;
  return next;
end
$$;
