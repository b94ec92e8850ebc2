-- May this many more jobs of a limited queue be begun now? It locks the queue's row (skip locked) until the transaction ends; false also when another caller
-- holds it. Internal.
create or replace function forgeq.has_capacity(queue text, jobs int)
returns boolean
language plpgsql
as $$
#variable_conflict use_column
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    return false;
  end if;
  perform from forgeq.queue q where q.name = has_capacity.queue for no key update skip locked;
  -- Read again, and counted, in a later statement: whoever held the row has committed, and its leases are seen.
  return found and exists (
    select from forgeq.queue q
    where q.name = has_capacity.queue and not q.paused and not q.waiting
      and has_capacity.jobs <= coalesce(q.max_in_flight, has_capacity.jobs)
        - (select coalesce(sum(l.open_jobs), 0) from forgeq.lease l where l.queue = has_capacity.queue));
end
$$;
