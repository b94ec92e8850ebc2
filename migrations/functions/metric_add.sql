-- Counts jobs of one queue and type, in the caller's transaction; gives their number. Internal. Appends a row, so that no two callers meet, unless
-- the queue and type are new: see series_of.
create or replace function forgeq.metric_add(queue text, type text, kind "char", jobs int)
returns int
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  series constant int := forgeq.series_of(metric_add.queue, metric_add.type);
begin
  -- A writer that saw the other one active is counted all the same, a fold later.
  if (select m.active from forgeq.metric_state m) = 0 then
    insert into forgeq.metric_delta_0 (series, kind, jobs) values (series, metric_add.kind, metric_add.jobs);
  else
    insert into forgeq.metric_delta_1 (series, kind, jobs) values (series, metric_add.kind, metric_add.jobs);
  end if;
  return metric_add.jobs;
end
$$;
