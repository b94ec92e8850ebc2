-- Does somebody wait for the capacity of this queue, or is a claim finding just now that it is full? Internal: whoever closes work asks last, before its
-- commit. See is_freeing. Nobody waits for an unlimited queue.
create or replace function forgeq.wants_wake(queue text)
returns boolean
language plpgsql
as $$
#variable_conflict use_column
begin
  if not pg_try_advisory_xact_lock_shared(hashtextextended(wants_wake.queue, 5)) then
    return true;
  end if;
  -- In a later statement: a claim that held the lock has committed, and what it wrote is seen.
  return exists (select from forgeq.queue q where q.name = wants_wake.queue and q.waiting and q.max_in_flight is not null);
end
$$;
