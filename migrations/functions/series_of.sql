-- The counters of a queue and type, made by whoever is first. Internal. Only then the second of two first callers waits for the other's commit.
create or replace function forgeq.series_of(queue text, type text)
returns int
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  series int;
begin
  loop
    select s.id into series from forgeq.metric_series s where s.queue = series_of.queue and s.type = series_of.type;
    exit when found;
    insert into forgeq.metric_series (queue, type) values (series_of.queue, series_of.type) on conflict do nothing;
  end loop;
  return series;
end
$$;
