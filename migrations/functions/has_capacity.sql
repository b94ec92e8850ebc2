-- May this many more jobs of a limited queue be begun now? Gives the seq of their lease; null: no. It locks the queue's row (skip locked) until the
-- transaction ends; null also when another caller holds it. Needs read committed. Internal.
create or replace function forgeq.has_capacity(queue text, jobs int)
returns bigint
language plpgsql
as $$
#variable_conflict use_column
declare
  held record;
  flight record;
begin
  perform from forgeq.queue q where q.name = has_capacity.queue for no key update skip locked;
  if not found then
    return null;
  end if;
  -- Read again, and counted, in later statements: whoever held the row has committed, and its leases are seen. A queue that has lost its limit meanwhile is not
  -- counted: its leases have no seq.
  select q.max_in_flight into held
  from forgeq.queue q where q.name = has_capacity.queue and not q.paused and not q.waiting and q.max_in_flight is not null;
  if not found then
    return null;
  end if;
  select f.jobs, f.seq into flight from forgeq.count_in_flight(has_capacity.queue) f;
  return case when has_capacity.jobs <= held.max_in_flight - flight.jobs then flight.seq end;
end
$$;
