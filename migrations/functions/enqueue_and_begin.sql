-- What a worker process sends for jobs that it has room for itself: stores them in a lease that it has begun. See enqueue_many for guarantees
-- and errors, and settle_and_take for what such a lease is.
--
-- Takes all of them or none: they have to be alike, of one type and due at once, and of the queue named, which is not paused and has room
-- for them; several at once only of a type with batches. That none are overtaken is the caller's to know: it has seen the queue empty.
-- One row per item as enqueue_many gives it, and the lease with its seconds, null where the jobs are left to whoever claims them.
--
-- The lease and its claim are named as the first job, so a call that is sent again, and says so by not being fresh, finds it.
-- Lock order: the queue (skip locked), where it has a limit; then as enqueue_many. Waits for nobody.
create or replace function forgeq.enqueue_and_begin(
  jobs jsonb, fresh boolean, own_queue text, worker uuid, invocation text default null, at timestamptz default null)
returns table (requested_id uuid, id uuid, created boolean, queue text, priority int, max_attempts int, run_at timestamptz,
  created_at timestamptz, lease_id uuid, lease_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  at timestamptz := coalesce(enqueue_and_begin.at, clock_timestamp());
  first jsonb := jobs -> 0;
  claim uuid := first ->> 'id';
  n int := jsonb_array_length(jobs);
  lease uuid;
  ids uuid[] := array[claim];
  alike record;
  can_begin boolean;
begin
  if fresh then
    select t.type, t.priority, t.max_attempts, t.lease_seconds, q.max_in_flight into alike
    from forgeq.job_type t
    join forgeq.queue q on q.name = own_queue and q.max_pending is null and not q.paused and not q.waiting
    where t.type = first ->> 'type' and coalesce(first ->> 'queue', t.queue) = own_queue and (n = 1 or t.batch_size > 1);
    can_begin := found and claim is not null and not first ?| '{unique_key,run_at,delay_seconds}';
    if can_begin and n > 1 then
      can_begin := not exists (
        select from jsonb_to_recordset(jobs) as i(id uuid, type text, queue text, unique_key text, run_at text, delay_seconds text)
        where i.id is null or i.type is distinct from alike.type or i.queue is distinct from first ->> 'queue'
           or i.unique_key is not null or i.run_at is not null or i.delay_seconds is not null);
    end if;
    -- None at all take the same way: so a new connection gets it ready.
    if first is null then
      lease := forgeq.uuid_v7();
    elsif can_begin then
      if alike.max_in_flight is null then
        lease := claim;
      elsif current_setting('transaction_isolation') = 'read committed' then
        perform from forgeq.queue q where q.name = own_queue for no key update skip locked;
        -- Read again, and counted, in a later statement: whoever held the row has committed, and its leases are seen.
        if found and exists (
          select from forgeq.queue q
          where q.name = own_queue and not q.paused and not q.waiting
            and n <= q.max_in_flight - (select coalesce(sum(l.open_jobs), 0) from forgeq.lease l where l.queue = own_queue)) then
          lease := claim;
        end if;
      end if;
    end if;
  end if;

  if lease is null then
    return query
    select e.requested_id, e.id, e.created, e.queue, e.priority, coalesce(e.max_attempts, j.max_attempts), e.run_at, e.created_at,
           l.id, extract(epoch from l.expires_at - l.created_at)::double precision
    from forgeq.enqueue_many(jobs, fresh, enqueue_and_begin.at) e
    left join forgeq.lease l on not fresh and l.claim_id = claim and l.begun_by = worker and l.expires_at > at and e.id = any (l.job_ids)
    left join forgeq.job j on j.id = e.id and j.claim_id = l.claim_id;
    return;
  end if;

  if n > 1 then
    ids := array(select i.id from jsonb_to_recordset(jobs) as i(id uuid));
  end if;
  return query
  with held as (
    -- Its tally counts the jobs as enqueued.
    insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at, began_at, begun_by, invocation, tally)
    select lease, claim, 1, own_queue, alike.type, ids, n, at, at + make_interval(secs => alike.lease_seconds), at, worker,
           enqueue_and_begin.invocation, decode(repeat(encode(forgeq.metric_end(null, 'enqueued', null, null, null), 'hex'), n), 'hex')
    where n > 0)
  insert into forgeq.job as j (id, run_at, created_at, claim_id, priority, attempt, max_attempts, depth, queue, type, traceparent, metadata, payload)
  select i.id, at, at, claim, coalesce(i.priority, alike.priority), 1, coalesce(i.max_attempts, alike.max_attempts),
         coalesce(i.depth, 0), own_queue, alike.type, i.traceparent, i.metadata, i.payload
  from jsonb_to_recordset(jobs) as i(id uuid, payload jsonb, priority forgeq.job_priority, max_attempts forgeq.job_max_attempts, metadata jsonb, depth smallint, traceparent text)
  returning j.id, j.id, true, j.queue, j.priority::int, j.max_attempts::int, j.run_at, j.created_at, lease, alike.lease_seconds::double precision;
end
$$;
