-- Stores those items of enqueue_many that are not in `existing`, {id asked for: id of the job that was there already}, each unless its id is there: live, or
-- ended. Gives the ids that it stored, and `existing` with the others added, each the same job as its item (see same_jobs). Internal.
-- `seen`: the snapshot before which jobs that their queues do not keep were looked for; null where the queues of the call keep all.
-- Lock order: jobs, in the order of the items.
create or replace function forgeq.store_by_id(jobs jsonb, types jsonb, inout existing jsonb, seen pg_snapshot, now_at timestamptz, out stored_ids uuid[])
language plpgsql
as $$
#variable_conflict use_column
declare
  item record;
  finished uuid[];
begin
  stored_ids := '{}';
  for item in
    select i.*, t.queue as type_queue, t.priority as type_priority, t.max_attempts as type_max_attempts
    from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, payload jsonb, queue text, priority forgeq.job_priority, run_at timestamptz,
        delay_seconds double precision, max_attempts forgeq.job_max_attempts, unique_key text, metadata forgeq.job_metadata, depth forgeq.job_depth,
        traceparent forgeq.job_traceparent, start_before timestamptz))
      with ordinality as i(id, type, payload, queue, priority, run_at, delay_seconds, max_attempts, unique_key, metadata, depth, traceparent, start_before, n)
    join jsonb_to_recordset(types) as t(type text, queue text, priority smallint, max_attempts smallint) on t.type = i.type
    where not existing ? i.id::text
    order by i.n
  loop
    insert into forgeq.job as j (id, run_at, created_at, priority, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload, start_before)
    values (item.id, coalesce(item.run_at, now_at + make_interval(secs => item.delay_seconds), now_at),
            case when item.run_at <> now_at or item.delay_seconds <> 0 then now_at end, coalesce(item.priority, item.type_priority),
            coalesce(item.max_attempts, item.type_max_attempts), item.depth, coalesce(item.queue, item.type_queue), item.type,
            item.unique_key, item.traceparent, item.metadata, item.payload, item.start_before)
    on conflict (id) do nothing;
    if found then
      stored_ids := stored_ids || item.id;
    else
      existing := existing || forgeq.same_jobs(jsonb_build_array(to_jsonb(item)), array[item.id]);
    end if;
  end loop;
  -- Looked up after the inserts: a job that was live before them made a conflict, one that had ended is seen here.
  finished := forgeq.finished_ids(stored_ids, now_at);
  if seen is not null then
    finished := finished || array(select c.id from forgeq.completed_lately(stored_ids, now_at, seen) c);
  end if;
  if cardinality(finished) > 0 then
    delete from forgeq.unique_key k using forgeq.job j
    where j.id = any (finished) and k.type = j.type and k.key = j.unique_key and k.job_id = j.id;
    delete from forgeq.job j where j.id = any (finished);
    stored_ids := array(select s.id from unnest(stored_ids) as s(id) where s.id <> all (finished));
    existing := existing || forgeq.same_jobs(jobs, finished);
  end if;
end
$$;
