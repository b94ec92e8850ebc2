-- What a handler may want to know of its job besides what its lease's answer says: when this attempt was due, when the job was stored, its priority. Asked
-- for by itself, so that a job whose handler does not ask costs nothing for it. No row where this call does not hold the job any more.
create or replace function forgeq.leased_job(lease_id uuid, begun_by uuid, id uuid)
returns table (run_at timestamptz, created_at timestamptz, priority int)
language sql stable security definer rows 1 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
  select j.run_at, coalesce(j.created_at, j.run_at), j.priority::int
  from (select l.claim_id, l.job_ids from forgeq.lease l where l.id = $1 and l.begun_by = $2) l
  join forgeq.job j on j.id = $3 and j.claim_id = l.claim_id
  where $3 = any (l.job_ids)
$$;
