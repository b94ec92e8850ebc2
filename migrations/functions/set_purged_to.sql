-- What a queue has finished is looked at from the beginning when its retention changes. See purge_queues.
create or replace function forgeq.set_purged_to()
returns trigger
language plpgsql
as $$
begin
  new.purged_to := '-infinity';
  return new;
end
$$;

create or replace trigger set_purged_to before update of retention_days on forgeq.queue
for each row when (new.retention_days <> old.retention_days) execute function forgeq.set_purged_to();
