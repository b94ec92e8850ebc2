-- Keeps forgeq.job_type.series, with set_series_of_queue: the counter of a type in its own queue, where that has no max_pending; null otherwise.
--
-- Whoever writes a type holds its queue's row, shared, so a change of the queue that is under way is waited for, and one that comes later sees the type.
-- A queue that nobody else sees yet is none: then null, which is slower and not wrong, stays until the queue or the type is written again.
-- Lock order: the queue, then its types.
create or replace function forgeq.set_series_of_type()
returns trigger
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
declare
  held record;
begin
  new.series := null;
  select q.max_pending into held from forgeq.queue q where q.name = new.queue for share;
  if found and held.max_pending is null then
    new.series := forgeq.series_of(new.queue, new.type);
  end if;
  return new;
end
$$;

create or replace trigger set_series before insert or update of queue on forgeq.job_type
for each row execute function forgeq.set_series_of_type();
