-- The newest ended life of each of these jobs that has one, in the order of their ids: what tells whether it may be retried or deleted. Internal. See
-- finished_ids on how it is planned, and newest_life on one job.
create or replace function forgeq.newest_lives(ids uuid[], now_at timestamptz)
returns table (id uuid, life int, finished_at timestamptz, state text, revived boolean, payload_gone boolean, queue text, type text, unique_key text)
language plpgsql stable security definer rows 100 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  seen record;
begin
  select w.since, w.until into seen from forgeq.lookup_window(ids, now_at) w;
  return query execute
    'select distinct on (h.id) h.id, h.life, h.finished_at, h.state::text, coalesce(h.revived, false), h.payload is null, h.queue, h.type, h.unique_key
     from forgeq.job_history h where h.id = any ($1) and h.finished_at >= $2 and h.finished_at < $3
     order by h.id, h.life desc'
  using ids, seen.since, seen.until;
end
$$;
