-- The ended lives of a job from life `upto_life` on downwards, the newest first, at most max_lives. Of an earlier one `revived_at` and `revived_by` say when
-- the next one was begun, and by whom. A job is retried by hand, so it has few lives: all that are kept are read. Internal. See finished_ids on how it is
-- planned.
create or replace function forgeq.lives_of(id uuid, upto_life int, max_lives int, now_at timestamptz)
returns setof forgeq.job_history
language plpgsql stable security definer rows 10 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
declare
  seen record;
begin
  select w.since, w.until into seen from forgeq.lookup_window(array[id], now_at) w;
  return query execute
    'select * from forgeq.job_history h where h.id = $1 and h.life <= $4 and h.finished_at >= $2 and h.finished_at < $3 order by h.life desc limit $5'
  using id, seen.since, seen.until, upto_life, max_lives;
end
$$;
