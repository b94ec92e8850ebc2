-- The newest ended life of a job, or no row. Internal. See finished_ids on how it is planned.
create or replace function forgeq.newest_life(id uuid, now_at timestamptz)
returns setof forgeq.job_history
language plpgsql stable security definer rows 1 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
declare
  seen record;
begin
  select w.since, w.until into seen from forgeq.lookup_window(array[id], now_at) w;
  return query execute
    'select * from forgeq.job_history h where h.id = $1 and h.finished_at >= $2 and h.finished_at < $3 order by h.life desc limit 1'
  using id, seen.since, seen.until;
end
$$;
