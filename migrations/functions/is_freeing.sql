-- Has a full queue got capacity again, or is it about to, without that the closing call has seen that somebody waits for it? Internal: a claim that found the
-- queue full, and holds its row, asks when it has said that jobs wait.
--
-- Whoever closes work of a limited queue holds a shared lock from before it reads `waiting` to its commit, see wants_wake; this takes the same lock for itself,
-- to the end of the claim. So one of the two sees the other, and nobody waits: a call that closes meanwhile can't have the lock, and wakes; if it has the lock
-- already, this answers true, and what has committed since the claim counted is seen by the second count.
create or replace function forgeq.is_freeing(queue text, max_in_flight int)
returns boolean
language plpgsql
as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended(is_freeing.queue, 5)) then
    return true;
  end if;
  return forgeq.in_flight(is_freeing.queue) < is_freeing.max_in_flight;
end
$$;
