-- A finished job lives again by hand: same id, next life, due now, attempts from zero; its history stays. `payload`: of the new life, null for the old one's.
-- `life` is the life that the caller saw. Sent again after its answer was lost it gives the first answer.
-- `caller`: who retries it, a name for people; the role of the session unless given.
-- outcome: 'retried'; 'live' (this life has not ended); 'not_found'; 'stale' (another life is the newest);
-- 'unique_key' (its key is held by job holder_id); 'payload_gone' (its queue kept none); 'queue_gone' (its queue was deleted).
-- Lock order: that of revive_jobs.
create or replace function forgeq.retry(id uuid, life int, at timestamptz default null, payload json default null, caller text default null)
returns table (outcome text, holder_id uuid)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
begin
  return query
  select r.outcome, r.holder_id
  from forgeq.revive_jobs(
    array[retry.id], array[retry.life], retry.payload, coalesce(forgeq.as_owner(at), clock_timestamp()), 'infinity', coalesce(caller, session_user)) r;
end
$$;
