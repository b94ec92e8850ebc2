-- What a worker process sends for jobs that it has room for itself: stores them, as enqueue_alike does, in a lease that it has begun. See
-- settle_and_take for what such a lease is.
--
-- Takes all of them or none: they have to be of the queue named, which is not paused and has room for them; several at once only of a type with
-- batches. That none are overtaken is the caller's to know: it has seen the queue empty.
-- Answers with the groups of enqueue_alike and the lease: [groups, [id, seconds, max_attempts of the type, job ids]], with null for the job ids where
-- it is all of them, and for the lease where the jobs are left to whoever claims them.
--
-- The lease and its claim are named as the first job, so a call that is sent again, and says so by not being fresh, finds it.
-- Lock order: the queue (skip locked), where it has a limit; then as enqueue_many. Waits for nobody.
--
-- A database may have another function of this name, which takes a document of jsonb: what processes of an older version call.
create or replace function forgeq.enqueue_and_begin(
  ids uuid[], payloads text, of_type text, own_queue text, details text, fresh boolean, worker_queue text, worker uuid,
  invocation text default null, at timestamptz default null)
returns json
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  at timestamptz := coalesce(enqueue_and_begin.at, clock_timestamp());
  claim uuid := ids[1];
  n int := cardinality(ids);
  lease uuid;
  groups json;
  alike record;
  held record;
begin
  if fresh then
    select t.priority, t.max_attempts, t.lease_seconds, q.max_in_flight into alike
    from forgeq.job_type t
    join forgeq.queue q on q.name = worker_queue and q.max_pending is null and not q.paused and not q.waiting
    where t.type = of_type and coalesce(own_queue, t.queue) = worker_queue and (n = 1 or t.batch_size > 1);
    -- None at all take the same way: so a new connection gets it ready.
    if n = 0 then
      lease := forgeq.uuid_v7();
    elsif found then
      if alike.max_in_flight is null then
        lease := claim;
      elsif current_setting('transaction_isolation') = 'read committed' then
        perform from forgeq.queue q where q.name = worker_queue for no key update skip locked;
        -- Read again, and counted, in a later statement: whoever held the row has committed, and its leases are seen.
        if found and exists (
          select from forgeq.queue q
          where q.name = worker_queue and not q.paused and not q.waiting
            and n <= q.max_in_flight - (select coalesce(sum(l.open_jobs), 0) from forgeq.lease l where l.queue = worker_queue)) then
          lease := claim;
        end if;
      end if;
    end if;
  end if;

  if lease is null then
    groups := forgeq.enqueue_alike(ids, payloads, of_type, own_queue, details, fresh, enqueue_and_begin.at, false);
    if not fresh then
      -- After it has waited for a first call that was still at it.
      select l.id, extract(epoch from l.expires_at - l.created_at)::double precision as seconds, t.max_attempts, l.job_ids into held
      from forgeq.lease l
      join forgeq.job_type t on t.type = l.type
      where l.claim_id = claim and l.begun_by = worker and l.expires_at > at;
      if found then
        return json_build_array(groups, json_build_array(held.id, held.seconds, held.max_attempts, held.job_ids));
      end if;
    end if;
    return json_build_array(groups, null);
  end if;

  with held as (
    -- Its tally counts the jobs as enqueued.
    insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at, began_at, begun_by, invocation, tally)
    select lease, claim, 1, worker_queue, of_type, ids, n, at, at + make_interval(secs => alike.lease_seconds), at, worker,
           enqueue_and_begin.invocation, decode(repeat(encode(forgeq.metric_end(null, 'enqueued', null, null, null), 'hex'), n), 'hex')
    where n > 0)
  insert into forgeq.job (id, run_at, claim_id, priority, attempt, max_attempts, depth, queue, type, traceparent, metadata, payload)
  select i.id, at, claim, coalesce((i.more ->> 'priority')::forgeq.job_priority, alike.priority), 1,
         coalesce((i.more ->> 'max_attempts')::forgeq.job_max_attempts, alike.max_attempts),
         (i.more ->> 'depth')::smallint, worker_queue, of_type, i.more ->> 'traceparent', i.more -> 'metadata', i.payload::json
  from (
    select unnest(ids) as id, string_to_table(payloads, E'\n') as payload, string_to_table(details, E'\n')::jsonb as more) i;
  return json_build_array(
    json_build_array(json_build_array(true, worker_queue, alike.priority, alike.max_attempts, at, at, null, null)),
    json_build_array(lease, alike.lease_seconds, alike.max_attempts, null));
end
$$;
