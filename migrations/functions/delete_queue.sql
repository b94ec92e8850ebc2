-- Takes a queue away that the code does not declare and that has no live job. What has finished there is kept as long as the queue with the longest retention
-- keeps its jobs, and a schedule that names the queue is refused at its next slot.
-- outcome: 'deleted', 'not_found', 'queue_declared', 'queue_not_empty', or 'busy': somebody is about to store jobs; nothing was changed, call again.
--
-- No job is stored in a queue that is gone, and storing jobs costs nothing for it: whoever stores a job has read the type in the same transaction, so this
-- call takes the table of types for itself. Calls that store jobs wait for it meanwhile, 50 ms at most; it waits no longer for those that came first. The
-- one exception is a repeatable read transaction that began before: it still sees the queue.
-- Lock order: the types (the table), the queue (skip locked).
create or replace function forgeq.delete_queue(name text)
returns text
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '50ms' set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  held record;
begin
  -- Without the lock first: what is refused holds up nobody.
  select q.declared into held from forgeq.queue q where q.name = delete_queue.name;
  if not found then
    return 'not_found';
  elsif held.declared then
    return 'queue_declared';
  elsif exists (select from forgeq.job j where j.queue = delete_queue.name) then
    return 'queue_not_empty';
  end if;
  begin
    lock table forgeq.job_type in access exclusive mode;
  exception when lock_not_available then
    return 'busy';
  end;
  select q.declared, q.ctid as place into held from forgeq.queue q where q.name = delete_queue.name for update skip locked;
  if not found then
    return 'busy';
  elsif held.declared then
    return 'queue_declared';
  elsif exists (select from forgeq.job j where j.queue = delete_queue.name) then
    return 'queue_not_empty';
  end if;
  delete from forgeq.queue q where q.ctid = held.place;
  delete from forgeq.metric_sample s where s.queue = delete_queue.name;
  return 'deleted';
end
$$;
