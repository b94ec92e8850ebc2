-- May this many more jobs of a limited queue be begun now? Gives the seq of their lease; null: no. It locks the queue's row (skip locked) until the
-- transaction ends; null also when another caller holds it. Needs read committed. Internal.
create or replace function forgeq.has_capacity(queue text, jobs int)
returns bigint
language plpgsql
as $$
#variable_conflict use_column
declare
  flight record;
begin
  perform from forgeq.queue q where q.name = has_capacity.queue for no key update skip locked;
  if not found then
    return null;
  end if;
  -- Read again, and counted, in later statements: whoever held the row has committed, and its leases are seen.
  select f.jobs, f.seq into flight from forgeq.count_in_flight(has_capacity.queue) f;
  return (
    select flight.seq from forgeq.queue q
    where q.name = has_capacity.queue and not q.paused and not q.waiting
      and has_capacity.jobs <= coalesce(q.max_in_flight, has_capacity.jobs) - case when q.max_in_flight is null then 0 else flight.jobs end);
end
$$;
