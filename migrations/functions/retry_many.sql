-- Retries up to 500 jobs in one transaction, each by the life that the caller saw: sent again it changes nothing. See retry on the outcomes, and revive_jobs on
-- the lock order, and retry on `caller`. `before`: a life that ended later is 'stale', so that work that is sent again runs no job that it has run before.
create or replace function forgeq.retry_many(
  ids uuid[], lives int[], before timestamptz default null, at timestamptz default null, caller text default null)
returns table (id uuid, outcome text, holder_id uuid)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
begin
  return query
  select r.id, r.outcome, r.holder_id
  from forgeq.revive_jobs(
    ids, lives, null, coalesce(forgeq.as_owner(at), clock_timestamp()), coalesce(before, 'infinity'), coalesce(caller, session_user)) r;
end
$$;
