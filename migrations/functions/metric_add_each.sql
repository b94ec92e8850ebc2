-- Counts jobs of several series, one number for each, in the caller's transaction: as metric_add, for a caller that knows the series. Internal.
create or replace function forgeq.metric_add_each(series int[], kind "char", jobs int[])
returns void
language plpgsql
as $$
begin
  -- A writer that saw the other one active is counted all the same, a fold later.
  if (select m.active from forgeq.metric_state m) = 0 then
    insert into forgeq.metric_delta_0 (series, kind, jobs)
    select s.id, metric_add_each.kind, s.jobs from unnest(metric_add_each.series, metric_add_each.jobs) as s(id, jobs);
  else
    insert into forgeq.metric_delta_1 (series, kind, jobs)
    select s.id, metric_add_each.kind, s.jobs from unnest(metric_add_each.series, metric_add_each.jobs) as s(id, jobs);
  end if;
end
$$;
