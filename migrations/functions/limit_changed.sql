-- Keeps what is known of a queue's leases in step with its limit: see count_in_flight.
--
-- A queue that is made with a limit, and has no lease, has none without a seq. One that gets its first limit is counted anew; one that loses its limit lets
-- nobody wait.
create or replace function forgeq.limit_changed()
returns trigger
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
begin
  if tg_when = 'BEFORE' then
    new.waiting := new.waiting and new.max_in_flight is not null;
    return new;
  end if;
  if tg_op <> 'UPDATE' or (old.max_in_flight is null) <> (new.max_in_flight is null) then
    delete from forgeq.lease_mark m where m.queue = coalesce(new.name, old.name);
  end if;
  if tg_op = 'INSERT' and new.max_in_flight is not null and not exists (select from forgeq.lease l where l.queue = new.name) then
    insert into forgeq.lease_mark (queue, n, low, open, passed) values (new.name, 1, 0, '{}', 0);
  end if;
  return null;
end
$$;

create or replace trigger limit_changed after insert or delete or update of max_in_flight on forgeq.queue
for each row execute function forgeq.limit_changed();

create or replace trigger limit_changes before update of max_in_flight on forgeq.queue
for each row execute function forgeq.limit_changed();
