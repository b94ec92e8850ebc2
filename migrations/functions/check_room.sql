-- Raises FQ002 unless the queues that have max_pending have room for the new jobs of a call. Internal, for enqueue_many.
-- limited: [[index, id, type, unique_key, queue, max_pending]], the jobs of the call that such queues get. Jobs that are there already need
-- none, so a call that is sent again is not refused by what it stored itself: live ones, and those in `ended`. Null: the call is new, and none is there.
--
-- A call that finds room for a hundred of its size passes. Others pass one at a time, each after the commit of the one before, so they see each other. What a
-- call can't see is what others under way have stored: at most a hundredth of max_pending each. A caller's own transaction waits for nobody here, and nobody
-- waits for it, so what it has stored is not seen before it commits either. See docs/adr/0029.
-- Lock order: the mutexes of the queues' rooms, by name; it waits half a second at most, less than it takes Postgres to look for a deadlock.
create or replace function forgeq.check_room(limited jsonb, ended uuid[])
returns void
language plpgsql
as $$
#variable_conflict use_column
declare
  wanted record;
  waiting bigint;
  there uuid[] := '{}';
  callers_lock_timeout constant text := current_setting('lock_timeout');
begin
  if ended is not null then
    there := ended || array(select j.id from jsonb_array_elements(limited) as e(value) join forgeq.job j on j.id = (e.value ->> 1)::uuid);
  end if;
  for wanted in
    select i.queue as name, i.max_pending, min(i.index) as index, count(*) as jobs
    from (
      select (e.value ->> 0)::int as index, (e.value ->> 1)::uuid as id, e.value ->> 2 as type, e.value ->> 3 as unique_key, e.value ->> 4 as queue,
             (e.value ->> 5)::int as max_pending
      from jsonb_array_elements(limited) as e(value)) i
    where (i.unique_key is null or not exists (select from forgeq.unique_key k where k.type = i.type and k.key = i.unique_key))
      and (i.id is null or i.id <> all (there))
    group by i.queue, i.max_pending
    order by i.queue
  loop
    waiting := (select w.jobs from forgeq.waiting_jobs(wanted.name) w);
    if waiting + wanted.jobs * 100 > wanted.max_pending and forgeq.alone_in_transaction() then
      perform set_config('lock_timeout', '500ms', true);
      begin
        perform from forgeq.mutex m where m.name = 'room ' || wanted.name for update;
      exception when lock_not_available then
        null;
      end;
      perform set_config('lock_timeout', callers_lock_timeout, true);
      waiting := (select w.jobs from forgeq.waiting_jobs(wanted.name) w);
    end if;
    if waiting + wanted.jobs > wanted.max_pending then
      raise exception 'queue % is full: % jobs may wait', wanted.name, wanted.max_pending
        using errcode = 'FQ002', detail = json_build_object('index', wanted.index, 'queue', wanted.name);
    end if;
  end loop;
end
$$;
