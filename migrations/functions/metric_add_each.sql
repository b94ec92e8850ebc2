-- Counts jobs of several series, one number for each, in the caller's transaction: as metric_add, for a caller that knows the series. Internal.
create or replace function forgeq.metric_add_each(series int[], kind "char", jobs int[])
returns void
language plpgsql
as $$
declare
  side constant int := (select m.active from forgeq.metric_state m);
  counted int;
begin
  for n in 1 .. cardinality(series) loop
    counted := forgeq.metric_append(side, series[n], kind, jobs[n]);
  end loop;
end
$$;
