-- Counts jobs of one queue and type, in the caller's transaction; gives their number. Internal. Appends a row, so that no two callers meet, unless
-- the queue and type are new: see series_of.
create or replace function forgeq.metric_add(queue text, type text, kind "char", jobs int)
returns int
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
begin
  return forgeq.metric_append((select m.active from forgeq.metric_state m), forgeq.series_of($1, $2), $3, $4);
end
$$;
