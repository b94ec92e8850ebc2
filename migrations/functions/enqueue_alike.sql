-- What a process sends for jobs of one type and queue that are due at once and have no unique key, with ids that were made for this call unless it
-- is not `fresh`: `payloads` and `details` are JSON, a line for each of the ids. `details`, null where no job has any: {priority, max_attempts,
-- metadata, depth, traceparent}. See enqueue_many for guarantees and errors.
--
-- Answers in groups, a list of [created, queue, priority, max_attempts, run_at, created_at, ids asked for, ids of the jobs, hinted, taken], each for jobs
-- stored alike: with null for the ids asked for where it is all of them, and for the jobs' ids where these are the same; priority and attempts are the
-- type's where the caller knows those that it gave. So a thousand jobs are one group. And one value: a set of rows would be stored, and read again, by
-- whoever calls.
--
-- `hint`: hands them to a worker that has room, see hand_over, or tells those that listen, see hint_workers. Said here, because a statement that does it or not is planned for each call.
--
-- Lines, because each payload is read once then: one document of all of them is read as a whole, taken apart, and put together again for each job.
--
-- Nearly always the queue has room without end, and the type's row knows its counter (see set_series_of_type): then nothing is looked up or answered for
-- each job. Otherwise enqueue_many does it. Lock order: as enqueue_many.
--
-- A database may have other functions of this name, which answer with rows: what processes of an older version call.
create or replace function forgeq.enqueue_alike(
  ids uuid[], payloads text, of_type text, own_queue text default null, details text default null, fresh boolean default false,
  at timestamptz default null, hint boolean default false)
returns json
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  at timestamptz := coalesce(enqueue_alike.at, clock_timestamp());
  n int := cardinality(ids);
  alike record;
  handed json;
begin
  if fresh and hint and n > 0 then
    handed := forgeq.hand_over(ids, payloads, of_type, own_queue, details, enqueue_alike.at);
    if handed is not null then
      return handed;
    end if;
  end if;
  if fresh then
    select t.priority, t.max_attempts, t.queue, t.series, m.active into alike
    from forgeq.job_type t
    cross join forgeq.metric_state m
    where t.type = of_type and t.series is not null and (own_queue is null or own_queue = t.queue);
    if not found and own_queue is not null then
      select t.priority, t.max_attempts, q.name as queue, s.id as series, m.active into alike
      from forgeq.job_type t
      join forgeq.queue q on q.name = own_queue and q.max_pending is null
      join forgeq.metric_series s on s.queue = q.name and s.type = t.type
      cross join forgeq.metric_state m
      where t.type = of_type;
    end if;
    -- None at all take all ways: so a new connection gets them ready.
    if found or n = 0 then
      -- Most calls have one job, with nothing beside its payload: 8 of 224 µs for lines that are not taken apart, and 3 a job for details that none has.
      if n <= 1 and details is null then
        insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
        select ids[1], at, alike.priority, alike.max_attempts, alike.queue, of_type, payloads::json
        where n = 1;
      end if;
      if n <> 1 and details is null then
        insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
        select i.id, at, alike.priority, alike.max_attempts, alike.queue, of_type, i.payload::json
        from (select unnest(ids) as id, string_to_table(payloads, E'\n') as payload) i;
      end if;
      if n = 0 or details is not null then
        insert into forgeq.job (id, run_at, priority, max_attempts, depth, queue, type, traceparent, metadata, payload)
        select i.id, at, coalesce((i.more ->> 'priority')::forgeq.job_priority, alike.priority),
               coalesce((i.more ->> 'max_attempts')::forgeq.job_max_attempts, alike.max_attempts),
               (i.more ->> 'depth')::smallint, alike.queue, of_type, i.more ->> 'traceparent', i.more -> 'metadata', i.payload::json
        from (
          select unnest(ids) as id, string_to_table(payloads, E'\n') as payload, string_to_table(details, E'\n')::jsonb as more) i;
      end if;
      if n = 0 then
        return '[]';
      elsif alike.active = 0 then
        insert into forgeq.metric_delta_0 (series, kind, jobs) values (alike.series, 'e', n);
      else
        insert into forgeq.metric_delta_1 (series, kind, jobs) values (alike.series, 'e', n);
      end if;
      return json_build_array(json_build_array(
        true, alike.queue, alike.priority, alike.max_attempts, at, at, null, null, case when hint then forgeq.hint_workers(alike.queue) end));
    end if;
  end if;

  return (
    select coalesce(json_agg(json_build_array(g.created, g.queue, g.priority, g.max_attempts, g.run_at, g.created_at,
             case when g.jobs < n or not g.created then g.requested_ids end, case when not g.created then g.ids end,
             case when hint and g.created then forgeq.hint_workers(g.queue) end)), '[]')
    from (
      select e.created, e.queue, e.priority, e.max_attempts, e.run_at, e.created_at, count(*) as jobs, array_agg(e.requested_id) as requested_ids,
             array_agg(e.id) as ids
      from forgeq.enqueue_many(
        (select jsonb_agg(coalesce(i.more, '{}')
                          || jsonb_strip_nulls(jsonb_build_object('id', i.id, 'type', of_type, 'queue', own_queue))
                          || jsonb_build_object('payload', i.payload) order by i.n)
         from (
           select generate_subscripts(ids, 1) as n, unnest(ids) as id, string_to_table(payloads, E'\n')::jsonb as payload,
                  string_to_table(details, E'\n')::jsonb as more) i),
        fresh, enqueue_alike.at) e
      group by e.created, e.queue, e.priority, e.max_attempts, e.run_at, e.created_at) g);
end
$$;
