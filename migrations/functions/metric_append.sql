-- Appends a row to this side of the deltas; gives `jobs`. Internal. Callers assign its answer instead of performing it, which costs 1 µs less. A row in a side
-- that has become inactive meanwhile is counted all the same, by the next fold.
create or replace function forgeq.metric_append(side int, series int, kind "char", jobs int)
returns int
language plpgsql
as $$
begin
  if side = 0 then
    insert into forgeq.metric_delta_0 (series, kind, jobs) values ($2, $3, $4);
  elsif side = 1 then
    insert into forgeq.metric_delta_1 (series, kind, jobs) values ($2, $3, $4);
  elsif side = 2 then
    insert into forgeq.metric_delta_2 (series, kind, jobs) values ($2, $3, $4);
  elsif side = 3 then
    insert into forgeq.metric_delta_3 (series, kind, jobs) values ($2, $3, $4);
  elsif side = 4 then
    insert into forgeq.metric_delta_4 (series, kind, jobs) values ($2, $3, $4);
  elsif side = 5 then
    insert into forgeq.metric_delta_5 (series, kind, jobs) values ($2, $3, $4);
  elsif side = 6 then
    insert into forgeq.metric_delta_6 (series, kind, jobs) values ($2, $3, $4);
  else
    insert into forgeq.metric_delta_7 (series, kind, jobs) values ($2, $3, $4);
  end if;
  return jobs;
end
$$;
