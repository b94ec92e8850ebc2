-- What a process sends to store simple jobs: jobs of known types, with ids that were made for this call, and no unique key. `payloads` and `details` are
-- text with a line of JSON for each of the ids; `details` is null where no job has any. A line of details is an object with keys of priority, run_at,
-- delay_seconds, max_attempts, metadata, depth, traceparent, and `type` where the call has several `types`: `counts` are the jobs of each then. What is left
-- out comes from the job's type.
-- `fresh` says that the call was not sent before. See enqueue_many for the guarantees and errors.
--
-- `start` says where the jobs start. Every value but 'queue' is for jobs that are due now:
--   'queue'  they wait in their queue;
--   'push'   one listening worker with free capacity gets them, begun, with the notification of this commit (see choose_worker and docs/adr/0018); where no
--            worker has any, listening workers are told that jobs are due;
--   'caller' as 'queue', inside a caller's transaction: what is refused is answered, see enqueue_or_refuse, which gives the third value of the answer then;
--   'local'  they are begun for `worker`, which runs in the calling process and found `worker_queue` without jobs that would be overtaken.
-- Jobs are begun all or none: their queue has to have capacity for them and must not be paused, and several are begun only where their type has batches. The
-- lease and its claim have the first job's id, so that a call that is sent again finds them.
--
-- Answers [groups, lease]. A group is a list [created, queue, priority, max_attempts, run_at, created_at, ids asked for, ids of the jobs, announced] of jobs
-- stored alike; a tenth value is the type, in a call of several types. The ids asked for are null where they are all of the call's, or all of that type, and
-- the jobs' ids where they are the same. `lease` is null, or
-- [id, seconds, max_attempts of the type, job ids, null for all of the call's] of the lease that the jobs were begun in; a pushed lease is not for the caller
-- and has null in place of its seconds.
--
-- Nearly always a type's row knows its counter (see set_series_of_type): then nothing is looked up for each job. Otherwise enqueue_many stores the jobs, or
-- refuses a queue that nobody lists for the type. Lines, because each payload is parsed once then; one document would be parsed as a whole, taken apart, and
-- put together again for each job.
-- Types are joined by the names of this call's (offset 0), or Postgres hashes all that there are: 410 buffers for one job with 2,000 types.
-- This function is for the plain path: what needs a look at other rows for each job (keys, limits) belongs into enqueue_many.
-- Lock order: the queue (skip locked), where it has a limit and jobs are begun; then as enqueue_many. A begun job waits for nobody.
create or replace function forgeq.enqueue_lines(
  ids uuid[], payloads text, types text[], own_queue text default null, details text default null, counts int[] default null,
  fresh boolean default false, start text default 'queue', worker uuid default null, worker_queue text default null, invocation text default null,
  at timestamptz default null)
returns json
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  n int := cardinality(ids);
  of_type record;
  claim uuid;
  begun smallint := 0;
  several boolean := cardinality(types) > 1;
  lease json;
  simple boolean := false;
  groups json;
  items jsonb;
  timed boolean := details ~ '"(run_at|delay_seconds)"';
begin
  -- Apart from the look at each line, which would start a query for every call.
  if octet_length(payloads) > 262144 then
    perform forgeq.check_lines(payloads);
  end if;
  if start <> 'queue' and fresh and not several then
    if start = 'push' then
      select c.worker, c.invocation, c.queue into worker, invocation, worker_queue
      from forgeq.choose_worker(types[1], own_queue, octet_length(payloads) + coalesce(octet_length(details), 0), now_at) c;
    end if;
    -- An empty call takes every path too, so that the warm-up plans each of its statements on a new connection.
    if worker is not null or n = 0 then
      select t.priority, t.max_attempts, t.lease_seconds, q.name as queue, q.max_in_flight, null::int as series, 0 as active,
             case when q.max_in_flight is not null then forgeq.has_capacity(worker_queue, n) end as seq into of_type
      from forgeq.job_type t
      join forgeq.queue q on q.name = worker_queue and q.max_pending is null and not q.paused and not q.waiting
      where t.type = types[1] and coalesce(own_queue, t.queue) = worker_queue and (n = 1 or t.batch_size > 1)
        and (q.name = t.queue and t.series is not null or (q.name = any (t.listed_queues) or t.type = any (q.listed_types))
          and forgeq.series_of(q.name, t.type) is not null) and current_setting('transaction_isolation') = 'read committed';
      simple := found and (of_type.max_in_flight is null or of_type.seq is not null);
      claim := case when simple then ids[1] end;
      begun := simple::int;
    end if;
  end if;
  if fresh and not simple and not several then
    select t.priority, t.max_attempts, t.lease_seconds, t.queue, null::int as max_in_flight, t.series, m.active into of_type
    from forgeq.job_type t cross join forgeq.metric_state m
    where t.type = types[1] and t.series is not null and (own_queue is null or own_queue = t.queue);
    simple := found;
    if not simple and own_queue is not null then
      select t.priority, t.max_attempts, t.lease_seconds, q.name as queue, null::int as max_in_flight, s.id as series, m.active into of_type
      from forgeq.job_type t
      join forgeq.queue q on q.name = own_queue and q.max_pending is null
      join forgeq.metric_series s on s.queue = q.name and s.type = t.type
      cross join forgeq.metric_state m
      where t.type = types[1] and (q.name = t.queue or q.name = any (t.listed_queues) or t.type = any (q.listed_types));
      simple := found;
    end if;
  elsif fresh and not simple then
    select array_agg(t.series order by array_position(types, t.type)) as series, null::smallint as priority, null::smallint as max_attempts,
           null::text as queue, null::int as active
    into of_type
    from forgeq.job_type t where t.type = any (types) and t.series is not null;
    simple := own_queue is null and cardinality(of_type.series) = cardinality(types);
  end if;

  if not (simple or n = 0) then
    items := forgeq.items_of_lines(ids, payloads, types[1], own_queue, details);
    if start = 'caller' then
      return json_build_array(null, null, forgeq.enqueue_or_refuse(items, fresh, at, true));
    end if;
    groups := forgeq.enqueue_in_groups(items, fresh, start = 'push', at, true);
    if start = 'local' and not fresh then
      -- Read after the call has waited for a first one that was still under way.
      select json_build_array(l.id, extract(epoch from l.expires_at - l.created_at)::double precision, t.max_attempts, l.job_ids) into lease
      from forgeq.lease l join forgeq.job_type t on t.type = l.type
      where l.claim_id = ids[1] and l.begun_by = worker and l.expires_at > now_at;
    end if;
    return json_build_array(groups, lease);
  end if;

  -- Lines that are taken apart cost a single job 10 µs of 55 in Postgres, and a process of one caller a twentieth of its jobs a second.
  if details is null and n <= 1 then
    insert into forgeq.job (id, run_at, claim_id, priority, attempt, max_attempts, queue, type, payload)
    select ids[1], now_at, claim, of_type.priority, begun, of_type.max_attempts, of_type.queue, types[1], payloads::json
    where n = 1;
  end if;
  if details is null and n <> 1 then
    insert into forgeq.job (id, run_at, claim_id, priority, attempt, max_attempts, queue, type, payload)
    select i.id, now_at, claim, of_type.priority, begun, of_type.max_attempts, of_type.queue, types[1], i.payload::json
    from (select unnest(ids) as id, string_to_table(payloads, E'\n') as payload) i;
  end if;
  if details is not null or n = 0 then
    perform forgeq.check_instants((select jsonb_agg(d.line::jsonb) from string_to_table(details, E'\n') as d(line)), now_at) where timed or n = 0;
    insert into forgeq.job (id, run_at, created_at, claim_id, priority, attempt, max_attempts, depth, queue, type, traceparent, metadata, payload)
    select i.id, due.run_at, case when due.run_at <> now_at then now_at end, claim,
           coalesce((i.more ->> 'priority')::forgeq.job_priority, t.priority, of_type.priority), begun,
           coalesce((i.more ->> 'max_attempts')::forgeq.job_max_attempts, t.max_attempts, of_type.max_attempts), (i.more ->> 'depth')::forgeq.job_depth,
           coalesce(t.queue, of_type.queue), coalesce(t.type, types[1]), (i.more ->> 'traceparent')::forgeq.job_traceparent,
           (i.more -> 'metadata')::forgeq.job_metadata, i.payload::json
    from (select generate_subscripts(ids, 1) as n, unnest(ids) as id, string_to_table(payloads, E'\n') as payload,
                 string_to_table(details, E'\n')::jsonb as more) i
    left join (select t.* from unnest(case when several then types end) as named(type) cross join lateral (
      select t.type, t.queue, t.priority, t.max_attempts from forgeq.job_type t where t.type = named.type offset 0) t) t on t.type = i.more ->> 'type'
    cross join lateral (select coalesce((i.more ->> 'run_at')::timestamptz,
      now_at + make_interval(secs => (i.more ->> 'delay_seconds')::double precision), now_at)) due(run_at)
    -- Jobs of a call that are due at the same time are taken in the order of the call, which is that of their rows.
    order by i.n;
  end if;

  if claim is not null then
    -- Its tally counts the jobs as enqueued.
    perform forgeq.make_lease(claim, claim, 1, worker_queue, types[1], ids, of_type.lease_seconds, worker, invocation,
      decode(repeat(encode(forgeq.metric_end(null, 'enqueued', null, null, null), 'hex'), n), 'hex'), of_type.seq, now_at);
    lease := json_build_array(claim, case when start = 'local' then of_type.lease_seconds end, of_type.max_attempts, null);
    if start = 'push' then
      perform forgeq.send_push(worker, concat_ws(E'\n',
        json_build_object('lease', claim, 'type', types[1], 'queue', worker_queue, 'seconds', of_type.lease_seconds, 'max_attempts', of_type.max_attempts,
          'ids', ids),
        payloads, details));
    end if;
  elsif several then
    perform forgeq.metric_add_each(of_type.series, 'e', counts);
  elsif n > 0 then
    n := forgeq.metric_append(of_type.active, of_type.series, 'e', n);
  end if;

  if timed then
    groups := (
      select json_agg(json_build_array(true, g.queue, g.priority, g.max_attempts, g.run_at, now_at, case when g.jobs < n then g.ids end, null,
               case when start = 'push' and claim is null then forgeq.hint_workers(g.queue) end))
      from (
        select j.queue, j.priority, j.max_attempts, j.run_at, count(*) as jobs, array_agg(j.id) as ids
        from forgeq.job j where j.id = any (ids)
        group by j.queue, j.type, j.priority, j.max_attempts, j.run_at) g);
  elsif several then
    groups := (
      select json_agg(json_build_array(true, t.queue, t.priority, t.max_attempts, now_at, now_at, null, null,
               case when start = 'push' then forgeq.hint_workers(t.queue) end, t.type))
      from forgeq.job_type t where t.type = any (types));
  else
    groups := json_build_array(json_build_array(true, of_type.queue, of_type.priority, of_type.max_attempts, now_at, now_at, null, null,
      case when start = 'push' and claim is null and n > 0 then forgeq.hint_workers(of_type.queue) end));
  end if;
  return json_build_array(groups, lease);
end
$$;
