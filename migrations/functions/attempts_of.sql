-- The attempts of jobs that have a row of their own, in the order of their ends. Internal. See finished_ids on how it is planned.
create or replace function forgeq.attempts_of(ids uuid[], now_at timestamptz)
returns setof forgeq.job_attempt
language plpgsql stable security definer rows 10 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
declare
  seen record;
begin
  select w.since, w.until into seen from forgeq.lookup_window(ids, now_at) w;
  return query execute
    'select * from forgeq.job_attempt a where a.job_id = any ($1) and a.ended_at >= $2 and a.ended_at < $3 order by a.ended_at, a.number'
  using ids, seen.since, seen.until;
end
$$;
