-- Counts jobs of one queue and type, in the caller's transaction; gives their number. Internal. Appends a row, so that no two callers meet; only a
-- queue and type that never had a job makes the second of two first callers wait for the other's commit.
create or replace function forgeq.metric_add(queue text, type text, kind "char", jobs int)
returns int
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  series int;
begin
  loop
    select s.id into series from forgeq.metric_series s where s.queue = metric_add.queue and s.type = metric_add.type;
    exit when found;
    insert into forgeq.metric_series (queue, type) values (metric_add.queue, metric_add.type) on conflict do nothing;
  end loop;
  -- A writer that saw the other one active is counted all the same, a fold later.
  if (select m.active from forgeq.metric_state m) = 0 then
    insert into forgeq.metric_delta_0 (series, kind, jobs) values (series, metric_add.kind, metric_add.jobs);
  else
    insert into forgeq.metric_delta_1 (series, kind, jobs) values (series, metric_add.kind, metric_add.jobs);
  end if;
  return metric_add.jobs;
end
$$;
