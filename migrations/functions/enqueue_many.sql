-- Stores jobs, all or none: [{id, type, payload, queue, priority, run_at, delay_seconds, max_attempts, unique_key, metadata,
-- depth, traceparent}]; what is left out comes from the job's type. Runs inside any transaction.
--
-- Guarantees: an id is stored once, whatever happens to the answer; at most one live job per type and unique_key. `fresh`
-- says that the ids were made for this call and never sent before: history is not looked up then.
-- One row per item, in no order: the id asked for, the job's id, and `created` false where that id, or a live job with that
-- key, was there already (the rest is null then).
-- Errors: FQ001 unknown type, FQ002 queue full, FQ003 a time without end, FQ006 the queue is not there, or neither the type nor an operator lists it for the
-- type (all with {"index": n} from 0 as their detail), FQ004 the id is another job's, FQ005 the key is held by a job with another payload (both with
-- {"requested_id", "id"}).
-- Lock order: unique keys (sorted), jobs.
--
-- The general path, and the place to extend: what has to look at other rows for each job (keys, limits, rates, steps) is done here, in a check of its own
-- that runs only for calls that need it. One survey of the call decides which do. enqueue_lines is the plain path.
--
-- Estimated at ten rows: at a thousand, which is the default, a statement that does more with each row is planned anew for each call.
create or replace function forgeq.enqueue_many(jobs jsonb, fresh boolean default false, at timestamptz default null)
returns table (requested_id uuid, id uuid, created boolean, queue text, priority int, max_attempts int, run_at timestamptz, created_at timestamptz)
language plpgsql security definer rows 10 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  survey record;
  bad record;
  item record;
  -- {id asked for: id of the job that was there already}
  existing jsonb := '{}';
  stored_queues text[] := '{}';
  stored_types text[] := '{}';
begin
  select min(i.n) filter (where t.type is null) - 1 as unknown_index,
         (array_agg(i.type order by i.n) filter (where t.type is null))[1] as unknown_type,
         min(i.n) filter (where (q.name = t.queue or q.name = any (t.listed_queues) or t.type = any (q.listed_types)) is not true) as misplaced,
         bool_or(i.id is null) as lacks_ids, bool_or(q.max_pending is not null) as limited,
         bool_or(i.unique_key is not null) as keyed, coalesce(bool_or(i.run_at is not null or i.delay_seconds is not null), false) as timed
  into survey
  from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, queue text, unique_key text, run_at text, delay_seconds text)) with ordinality
    as i(id, type, queue, unique_key, run_at, delay_seconds, n)
  left join forgeq.job_type t on t.type = i.type
  left join forgeq.queue q on q.name = coalesce(i.queue, t.queue);

  if survey.unknown_index is not null then
    raise exception 'unknown job type %', coalesce(survey.unknown_type, 'null')
      using errcode = 'FQ001', detail = json_build_object('index', survey.unknown_index);
  end if;

  if survey.misplaced is not null then
    select i.type, coalesce(i.queue, t.queue) as queue, q.name is not null as there into bad
    from rows from (jsonb_to_recordset(jobs) as (type text, queue text)) with ordinality as i(type, queue, n)
    join forgeq.job_type t on t.type = i.type
    left join forgeq.queue q on q.name = coalesce(i.queue, t.queue)
    where i.n = survey.misplaced;
    raise exception using errcode = 'FQ006', detail = json_build_object('index', survey.misplaced - 1, 'queue', bad.queue),
      message = case when bad.there then format('jobs of type %s may not go to the queue %s: neither the type nor an operator lists it', bad.type, bad.queue)
                     else format('there is no queue %s', bad.queue) end;
  end if;

  if survey.timed then
    perform forgeq.check_instants(jobs, now_at);
  end if;

  if survey.lacks_ids then
    jobs := (select jsonb_agg(jsonb_build_object('id', forgeq.uuid_v7()) || j order by n) from jsonb_array_elements(jobs) with ordinality as e(j, n));
  end if;

  if survey.limited then
    -- A call that is sent again adds nothing to a queue that it filled itself.
    select q.name, q.max_pending, min(i.n) - 1 as index into bad
    from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, queue text, unique_key text)) with ordinality as i(id, type, queue, unique_key, n)
    join forgeq.job_type t on t.type = i.type
    join forgeq.queue q on q.name = coalesce(i.queue, t.queue) and q.max_pending is not null
    where not exists (select from forgeq.unique_key k where k.type = i.type and k.key = i.unique_key)
      and (fresh or not exists (select from forgeq.job j where j.id = i.id) and not exists (select from forgeq.job_history h where h.id = i.id))
    group by q.name, q.max_pending
    having count(*) + (select count(*) from (
        select from forgeq.job j where j.queue = q.name and j.claim_id is null limit q.max_pending) waiting) > q.max_pending
    limit 1;
    if found then
      raise exception 'queue % is full: % jobs may wait', bad.name, bad.max_pending
        using errcode = 'FQ002', detail = json_build_object('index', bad.index, 'queue', bad.name);
    end if;
  end if;

  if not fresh then
    for item in
      select i.id, i.type, i.payload, i.unique_key
      from jsonb_to_recordset(jobs) as i(id uuid, type text, payload jsonb, unique_key text)
      where exists (select from forgeq.job_history h where h.id = i.id)
    loop
      perform forgeq.check_same_job(item.id, item.id, item.type, item.payload, item.unique_key);
      existing := existing || jsonb_build_object(item.id, item.id);
    end loop;
  end if;

  if survey.keyed then
    existing := forgeq.take_unique_keys(jobs, existing);
  end if;

  if fresh then
    return query
    with stored as (
      insert into forgeq.job as j (id, run_at, created_at, priority, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload)
      select i.id, coalesce(i.run_at, now_at + make_interval(secs => i.delay_seconds), now_at),
             case when i.run_at <> now_at or i.delay_seconds <> 0 then now_at end, coalesce(i.priority, t.priority),
             coalesce(i.max_attempts, t.max_attempts), i.depth, coalesce(i.queue, t.queue), i.type, i.unique_key, i.traceparent, i.metadata, i.payload
      from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, payload json, queue text, priority forgeq.job_priority, run_at timestamptz,
          delay_seconds double precision, max_attempts forgeq.job_max_attempts, unique_key text, metadata jsonb, depth smallint, traceparent text))
        with ordinality as i(id, type, payload, queue, priority, run_at, delay_seconds, max_attempts, unique_key, metadata, depth, traceparent, n)
      join forgeq.job_type t on t.type = i.type
      where not existing ? i.id::text
      -- Jobs of a call that are due at the same time are taken in the order of the call, which is that of their rows.
      order by i.n
      returning j.id, j.queue, j.type, j.priority::int, j.max_attempts::int, j.run_at),
    counted as (
      select sum(forgeq.metric_add(c.queue, c.type, 'e', c.jobs)) as jobs
      from (select s.queue, s.type, count(*)::int as jobs from stored s group by s.queue, s.type) c)
    select s.id, s.id, true, s.queue, s.priority, s.max_attempts, s.run_at, now_at
    from stored s
    cross join counted c
    where c.jobs > 0;
  else
    for item in
      select i.*, t.queue as type_queue, t.priority as type_priority, t.max_attempts as type_max_attempts
      from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, payload jsonb, queue text, priority forgeq.job_priority, run_at timestamptz,
          delay_seconds double precision, max_attempts forgeq.job_max_attempts, unique_key text, metadata jsonb, depth smallint, traceparent text))
        with ordinality as i(id, type, payload, queue, priority, run_at, delay_seconds, max_attempts, unique_key, metadata, depth, traceparent, n)
      join forgeq.job_type t on t.type = i.type
      where not existing ? i.id::text
      order by i.n
    loop
      insert into forgeq.job as j (id, run_at, created_at, priority, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload)
      values (item.id, coalesce(item.run_at, now_at + make_interval(secs => item.delay_seconds), now_at),
              case when item.run_at <> now_at or item.delay_seconds <> 0 then now_at end, coalesce(item.priority, item.type_priority),
              coalesce(item.max_attempts, item.type_max_attempts), item.depth, coalesce(item.queue, item.type_queue), item.type,
              item.unique_key, item.traceparent, item.metadata, item.payload)
      on conflict (id) do nothing
      returning j.id, j.id, true, j.queue, j.priority, j.max_attempts, j.run_at, now_at
      into requested_id, id, created, queue, priority, max_attempts, run_at, created_at;
      -- Looked up after the insert: a job that was live before it made a conflict, one that had ended is seen here.
      if found and not exists (select from forgeq.job_history h where h.id = item.id) then
        stored_queues := stored_queues || queue;
        stored_types := stored_types || item.type;
        return next;
      else
        if found then
          delete from forgeq.job j where j.id = item.id;
          delete from forgeq.unique_key k where k.type = item.type and k.key = item.unique_key and k.job_id = item.id;
        end if;
        perform forgeq.check_same_job(item.id, item.id, item.type, item.payload, item.unique_key);
        existing := existing || jsonb_build_object(item.id, item.id);
      end if;
    end loop;
    perform forgeq.metric_add(s.queue, s.type, 'e', count(*)::int)
    from unnest(stored_queues, stored_types) as s(queue, type)
    group by s.queue, s.type;
  end if;

  return query
  select e.key::uuid, e.value::uuid, false, null::text, null::int, null::int, null::timestamptz, null::timestamptz
  from jsonb_each_text(existing) e;
end
$$;
