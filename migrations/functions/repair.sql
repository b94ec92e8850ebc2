-- Gives back live jobs with a claim that no open lease lists: a state that the protocol never makes, mended all the same.
-- Examines max_jobs jobs after the id `after`, in the order of ids; last_id is null at the end of the table.
-- A job whose lease is being closed right now is locked and skipped. The attempt stays counted.
create or replace function forgeq.repair(after uuid, max_jobs int default 1000, at timestamptz default null)
returns table (repaired int, last_id uuid)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  stray uuid;
  held record;
  strays uuid[];
  examined int;
begin
  repaired := 0;
  select count(*), (array_agg(j.id order by j.id desc))[1],
         coalesce(array_agg(j.id) filter (where j.claim_id is not null and not exists (
           select from forgeq.lease l where l.claim_id = j.claim_id and j.id = any (l.job_ids))), '{}')
  into examined, last_id, strays
  from (select id, claim_id from forgeq.job
        where id > coalesce(after, '00000000-0000-0000-0000-000000000000') order by id limit max_jobs) j;
  foreach stray in array strays loop
    select j.ctid as tid, j.claim_id, j.life, j.attempt, j.queue, j.type into held
    from forgeq.job j where j.id = stray and j.claim_id is not null for update skip locked;
    -- Looked up again in a later statement: the claim may have committed its leases meanwhile.
    if found and not exists (select from forgeq.lease l where l.claim_id = held.claim_id and stray = any (l.job_ids)) then
      update forgeq.job set claim_id = null, run_at = now_at, created_at = coalesce(created_at, run_at),
        max_attempts = least(1000, greatest(max_attempts, held.attempt + 1))
      where ctid = held.tid and claim_id = held.claim_id;
      insert into forgeq.job_attempt (job_id, life, number, outcome, ended_at, error)
      values (stray, held.life, held.attempt, 'lease_expired', now_at,
              jsonb_build_object('name', 'Repaired', 'message', 'the job had a claim without a lease'));
      perform forgeq.metric_add(held.queue, held.type, 'm', 1);
      repaired := repaired + 1;
    end if;
  end loop;
  if examined < max_jobs then
    last_id := null;
  end if;
  return next;
end
$$;
