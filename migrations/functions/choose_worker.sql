-- Chooses a listening worker that offers capacity for jobs of a type, at random, for a push of `bytes` of payloads and details; all null when there is none, or
-- when this transaction may not notify. Internal: enqueue_lines calls it, and sends the notification. See docs/adr/0018.
--
-- A worker listens while a connection of its own holds forgeq.worker_lock(worker, 3), together with an older one whose end the server has not noticed yet. A
-- push under way holds lock 4, which the worker takes before it lets go of 3 and stops listening: so nothing is sent that it does not hear. To see whether 3 is
-- held, it is tried for the session and given back in the same expression: kept until the commit, the 3 of a worker that is gone would look held to the next
-- caller, because locks are freed one by one and may_notify's may be freed first.
-- An offer for more than a minute was made before the clock went back: a worker that is there has made another one since.
-- A notification has at most 8,000 bytes, hence the limit. Waits for nobody.
create or replace function forgeq.choose_worker(
  of_type text, own_queue text, bytes int, now_at timestamptz,
  out worker uuid, out invocation text, out queue text)
language plpgsql
as $$
#variable_conflict use_column
begin
  if bytes > 7000 or not forgeq.may_notify() then
    return;
  end if;
  select w.worker, w.invocation, w.queue into worker, invocation, queue
  from (
    select w.worker, w.invocation, coalesce(own_queue, t.queue) as queue
    from forgeq.worker_capacity w
    join forgeq.job_type t on t.type = of_type
    where w.until > now_at and w.until < now_at + interval '1 minute' and w.key is not null
      and of_type = any (w.types) and (w.queues is null or coalesce(own_queue, t.queue) = any (w.queues))
    order by random()
    offset 0) w
  -- In this order: the worker lets go of 3 while it holds 4.
  where case when pg_try_advisory_xact_lock_shared(forgeq.worker_lock(w.worker, 4))
             then case when pg_try_advisory_lock(forgeq.worker_lock(w.worker, 3)) then not pg_advisory_unlock(forgeq.worker_lock(w.worker, 3)) else true end end
  limit 1;
end
$$;
