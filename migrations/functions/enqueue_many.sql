-- Stores jobs, all or none: [{id, type, payload, queue, priority, run_at, delay_seconds, max_attempts, unique_key, metadata,
-- depth, traceparent}]; what is left out comes from the job's type. Runs inside any transaction.
--
-- Guarantees: an id is stored once, whatever happens to the answer; at most one live job per type and unique_key. `fresh`
-- says that the ids were made for this call and never sent before: history is not looked up then.
-- One row per item, in no order: the id asked for, the job's id, and `created` false where that id, or a live job with that
-- key, was there already (the rest is null then).
-- Errors: FQ001 unknown type, FQ002 queue full (both with {"index": n} from 0 as their detail), FQ004 the id is another
-- job's, FQ005 the key is held by a job with another payload (both with {"requested_id", "id"}).
-- Lock order: unique keys (sorted), jobs.
--
-- Estimated at ten rows: at a thousand, which is the default, a statement that does more with each row is planned anew for each call.
--
-- Nearly every call is simple: fresh ids, known types, queues that exist and have room without end, no unique key. Most of those
-- store jobs of one type in one queue: then what that means for a job is looked up once, and the document is all that is read for
-- each. Jobs of several types are looked up one by one in the statement that inserts them, which inserts nothing when one of them is not simple.
-- For all others the checks below run.
create or replace function forgeq.enqueue_many(jobs jsonb, fresh boolean default false, at timestamptz default null)
returns table (requested_id uuid, id uuid, created boolean, queue text, priority int, max_attempts int, run_at timestamptz, created_at timestamptz)
language plpgsql security definer rows 10 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  bad record;
  item record;
  holder uuid;
  -- {id asked for: id of the job that was there already}
  existing jsonb := '{}';
  at timestamptz := coalesce(enqueue_many.at, clock_timestamp());
  stored_queues text[] := '{}';
  stored_types text[] := '{}';
  first jsonb := jobs -> 0;
  alike record;
  are_alike boolean;
begin
  if fresh then
    select t.type, t.priority, t.max_attempts, q.name as queue, s.id as series, m.active into alike
    from forgeq.job_type t
    join forgeq.queue q on q.name = coalesce(first ->> 'queue', t.queue) and q.max_pending is null
    -- There since the first job of this queue and type was counted.
    join forgeq.metric_series s on s.queue = q.name and s.type = t.type
    cross join forgeq.metric_state m
    where t.type = first ->> 'type';
    are_alike := found and first ->> 'id' is not null and first ->> 'unique_key' is null;
    if are_alike and jsonb_array_length(jobs) > 1 then
      are_alike := not exists (
        select from jsonb_to_recordset(jobs) as i(id uuid, type text, queue text, unique_key text)
        where i.id is null or i.type is distinct from alike.type or i.queue is distinct from first ->> 'queue' or i.unique_key is not null);
    end if;
    -- None at all take this way too: so a new connection gets it ready.
    if first is null or are_alike then
      return query
      insert into forgeq.job as j (id, run_at, created_at, priority, max_attempts, depth, queue, type, traceparent, metadata, payload)
      select i.id, coalesce(i.run_at, at + make_interval(secs => i.delay_seconds), at),
             case when i.run_at <> at or i.delay_seconds <> 0 then at end, coalesce(i.priority, alike.priority),
             coalesce(i.max_attempts, alike.max_attempts), i.depth, alike.queue, alike.type, i.traceparent, i.metadata, i.payload
      from jsonb_to_recordset(jobs) as i(id uuid, payload json, priority forgeq.job_priority, run_at timestamptz, delay_seconds double precision,
        max_attempts forgeq.job_max_attempts, metadata jsonb, depth smallint, traceparent text)
      returning j.id, j.id, true, j.queue, j.priority::int, j.max_attempts::int, j.run_at, at;
      -- As metric_add does, with what was looked up already.
      if first is null then
        return;
      elsif alike.active = 0 then
        insert into forgeq.metric_delta_0 (series, kind, jobs) values (alike.series, 'e', jsonb_array_length(jobs));
      else
        insert into forgeq.metric_delta_1 (series, kind, jobs) values (alike.series, 'e', jsonb_array_length(jobs));
      end if;
      return;
    end if;

    return query
    with stored as (
      insert into forgeq.job as j (id, run_at, created_at, priority, max_attempts, depth, queue, type, traceparent, metadata, payload)
      select s.id, coalesce(s.run_at, at + make_interval(secs => s.delay_seconds), at),
             case when s.run_at <> at or s.delay_seconds <> 0 then at end, s.priority, s.max_attempts,
             s.depth, s.queue, s.type, s.traceparent, s.metadata, s.payload
      from (
        select i.n, coalesce(i.id, forgeq.uuid_v7()) as id, i.type, i.payload, q.name as queue, coalesce(i.priority, t.priority) as priority,
               i.run_at, i.delay_seconds, coalesce(i.max_attempts, t.max_attempts) as max_attempts, i.metadata, i.depth, i.traceparent,
               bool_and(q.name is not null and q.max_pending is null and i.unique_key is null) over () as simple
        from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, payload json, queue text, priority forgeq.job_priority, run_at timestamptz,
            delay_seconds double precision, max_attempts forgeq.job_max_attempts, unique_key text, metadata jsonb, depth smallint, traceparent text))
          with ordinality as i(id, type, payload, queue, priority, run_at, delay_seconds, max_attempts, unique_key, metadata, depth, traceparent, n)
        left join forgeq.job_type t on t.type = i.type
        left join forgeq.queue q on q.name = coalesce(i.queue, t.queue) and t.type is not null) s
      where s.simple
      order by s.n
      returning j.id, j.queue, j.type, j.priority::int, j.max_attempts::int, j.run_at),
    counted as (
      select sum(forgeq.metric_add(c.queue, c.type, 'e', c.jobs)) as jobs
      from (select s.queue, s.type, count(*)::int as jobs from stored s group by s.queue, s.type) c)
    select s.id, s.id, true, s.queue, s.priority, s.max_attempts, s.run_at, at
    from stored s
    cross join counted c
    where c.jobs > 0;
    if found then
      return;
    end if;
  end if;

  if jsonb_path_exists(jobs, '$[*] ? (!exists(@.id))') then
    jobs := (select jsonb_agg(jsonb_build_object('id', forgeq.uuid_v7()) || j order by n) from jsonb_array_elements(jobs) with ordinality as e(j, n));
  end if;

  select i.n - 1 as index, i.type into bad
  from rows from (jsonb_to_recordset(jobs) as (type text)) with ordinality as i(type, n)
  where not exists (select from forgeq.job_type t where t.type = i.type)
  order by i.n limit 1;
  if found then
    raise exception 'unknown job type %', coalesce(bad.type, 'null') using errcode = 'FQ001', detail = json_build_object('index', bad.index);
  end if;

  insert into forgeq.queue (name)
  select distinct coalesce(i.queue, t.queue)
  from jsonb_to_recordset(jobs) as i(type text, queue text)
  join forgeq.job_type t on t.type = i.type
  where not exists (select from forgeq.queue q where q.name = coalesce(i.queue, t.queue))
  on conflict do nothing;

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

  for item in
    select i.id, i.type, i.payload, i.unique_key
    from jsonb_to_recordset(jobs) as i(id uuid, type text, payload jsonb, unique_key text)
    where i.unique_key is not null and not existing ? i.id::text
    order by i.type, i.unique_key, i.id
  loop
    -- A holder that ends while we look frees its key: take it then.
    loop
      insert into forgeq.unique_key (type, key, job_id) values (item.type, item.unique_key, item.id) on conflict do nothing;
      exit when found;
      select k.job_id into holder from forgeq.unique_key k where k.type = item.type and k.key = item.unique_key;
      if found then
        -- One id twice in this call: it is stored, and compared, below.
        exit when holder = item.id and not exists (select from forgeq.job j where j.id = holder);
        -- The holder is in `jobs` itself when two items of this call share a key: it is not stored yet.
        perform forgeq.check_same_job(item.id, holder, item.type, item.payload, item.unique_key,
          (select i.payload from jsonb_to_recordset(jobs) as i(id uuid, payload jsonb) where i.id = holder limit 1));
        existing := existing || jsonb_build_object(item.id, holder);
        exit;
      end if;
    end loop;
  end loop;

  if fresh then
    return query
    insert into forgeq.job (id, run_at, created_at, priority, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload)
    select i.id, coalesce(i.run_at, at + make_interval(secs => coalesce(i.delay_seconds, 0))),
           case when i.run_at <> at or i.delay_seconds <> 0 then at end, coalesce(i.priority, t.priority), coalesce(i.max_attempts, t.max_attempts),
           i.depth, coalesce(i.queue, t.queue), i.type, i.unique_key, i.traceparent, i.metadata, i.payload
    from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, payload json, queue text, priority forgeq.job_priority, run_at timestamptz,
        delay_seconds double precision, max_attempts forgeq.job_max_attempts, unique_key text, metadata jsonb, depth smallint, traceparent text))
      with ordinality as i(id, type, payload, queue, priority, run_at, delay_seconds, max_attempts, unique_key, metadata, depth, traceparent, n)
    join forgeq.job_type t on t.type = i.type
    where not existing ? i.id::text
    order by i.n
    returning id, id, true, queue, priority::int, max_attempts::int, run_at, at;
    perform forgeq.metric_add(coalesce(i.queue, t.queue), i.type, 'e', count(*)::int)
    from jsonb_to_recordset(jobs) as i(id uuid, type text, queue text)
    join forgeq.job_type t on t.type = i.type
    where not existing ? i.id::text
    group by coalesce(i.queue, t.queue), i.type;
  else
    for item in
      select i.*, t.queue as type_queue, t.priority as type_priority, t.max_attempts as type_max_attempts
      from jsonb_to_recordset(jobs) as i(id uuid, type text, payload jsonb, queue text, priority forgeq.job_priority, run_at timestamptz,
        delay_seconds double precision, max_attempts forgeq.job_max_attempts, unique_key text, metadata jsonb, depth smallint, traceparent text)
      join forgeq.job_type t on t.type = i.type
      where not existing ? i.id::text
    loop
      insert into forgeq.job as j (id, run_at, created_at, priority, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload)
      values (item.id, coalesce(item.run_at, at + make_interval(secs => coalesce(item.delay_seconds, 0))),
              case when item.run_at <> at or item.delay_seconds <> 0 then at end, coalesce(item.priority, item.type_priority), coalesce(item.max_attempts, item.type_max_attempts),
              item.depth, coalesce(item.queue, item.type_queue), item.type, item.unique_key, item.traceparent, item.metadata, item.payload)
      on conflict (id) do nothing
      returning j.id, j.id, true, j.queue, j.priority, j.max_attempts, j.run_at, at
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
