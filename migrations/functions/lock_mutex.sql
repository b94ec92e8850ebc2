-- Is the caller the only one, until its transaction ends, of those that ask by this name? Internal. Waits for nobody. Asked again by the same transaction it
-- is. In plpgsql because that plans its statement once a connection.
-- Lock order: the row of forgeq.mutex, skip locked.
create or replace function forgeq.lock_mutex(name text)
returns boolean
language plpgsql
as $$
begin
  perform from forgeq.mutex m where m.name = lock_mutex.name for update skip locked;
  return found;
end
$$;
