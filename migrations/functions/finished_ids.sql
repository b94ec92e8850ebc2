-- Those of these ids that a life has ended of. Internal: for enqueue_many, once for each call that was sent before or has ids of a caller's.
--
-- Like lives_of and attempts_of it plans its statement for each call, with the window known: then the planner leaves out the other partitions, and locks
-- none of them. A plan that is kept locks every partition, four relations each, whatever it leaves out when it runs.
create or replace function forgeq.finished_ids(ids uuid[], now_at timestamptz)
returns uuid[]
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  seen record;
  finished uuid[];
begin
  if cardinality(ids) = 0 then
    return ids;
  end if;
  select w.since, w.until into seen from forgeq.lookup_window(ids, now_at) w;
  execute 'select array_agg(distinct h.id) from forgeq.job_history h where h.id = any ($1) and h.finished_at >= $2 and h.finished_at < $3'
  into finished
  using ids, seen.since, seen.until;
  return coalesce(finished, '{}');
end
$$;
