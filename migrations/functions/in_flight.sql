-- The number of jobs in flight of a queue, by the snapshot of the caller's statement: for those who only read. A limited queue costs what its open leases
-- cost, however many have closed; see count_in_flight. An unlimited one is counted in the table.
create or replace function forgeq.in_flight(queue text)
returns int
language plpgsql stable
as $$
#variable_conflict use_column
declare
  mark record;
begin
  select m.low, m.open, m.awaits into mark from forgeq.lease_mark m where m.queue = in_flight.queue order by m.n desc limit 1;
  if not found or mark.awaits is not null then
    return (select coalesce(sum(l.open_jobs), 0) from forgeq.lease l where l.queue = in_flight.queue);
  end if;
  return (select coalesce(sum(l.open_jobs), 0) from forgeq.lease l where l.queue = in_flight.queue and l.seq > mark.low)
    + (select coalesce(sum(l.open_jobs), 0) from forgeq.lease l where l.id = any (mark.open));
end
$$;
