-- What follows from a queue's max_pending, when the queue comes, goes, or gets another one: forgeq.job_type.series (see set_series_of_type), and the count of
-- the jobs that wait there. The types come first: an enqueue that reads its type later counts itself.
create or replace function forgeq.set_series_of_queue()
returns trigger
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
begin
  if tg_op <> 'DELETE' and new.max_pending is null then
    update forgeq.job_type t set series = forgeq.series_of(t.queue, t.type) where t.queue = new.name and t.series is null;
  else
    -- A type that has a series in its queue is found by it, however many types there are.
    update forgeq.job_type t set series = null
    from forgeq.metric_series s
    where s.queue = coalesce(new.name, old.name) and t.type = s.type and t.queue = s.queue and t.series is not null;
  end if;
  if tg_op <> 'DELETE' and new.max_pending is not null then
    perform forgeq.recount_waiting(array[new.name]);
  else
    delete from forgeq.waiting_mark m where m.queue = coalesce(new.name, old.name);
    delete from forgeq.waiting_delta d where d.queue = coalesce(new.name, old.name);
    delete from forgeq.mutex m where m.name in ('mark ' || coalesce(new.name, old.name), 'room ' || coalesce(new.name, old.name));
  end if;
  return null;
end
$$;

create or replace trigger set_series after insert or delete or update of max_pending on forgeq.queue
for each row execute function forgeq.set_series_of_queue();
