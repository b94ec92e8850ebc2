-- Stores jobs, all or none: a list of items, see new_jobs. Runs inside any transaction.
--
-- Guarantees: an id is stored once, whatever happens to the answer; at most one live job per type and unique_key. `fresh`
-- says that the ids were made for this call and never sent before: history is not looked up then. `own_ids` says that ForgeQ made them, also in an earlier
-- call that is sent again: then neither they nor the values of the jobs are checked.
-- One row per item, in no order: the id asked for, the job's id, and `created` false where that id, or a live job with that
-- key, was there already (the rest is null then).
-- Errors: FQ001 unknown type, FQ002 queue full, FQ003 a time without end, or another value that no job may have, FQ006 the queue is not there, or neither the
-- type nor an operator lists it for the type, FQ007 an id that no caller may give, see check_ids, FQ008 a payload over 256 KiB, see check_values (all with
-- {"index": n} from 0 as their detail), FQ004 the id is another job's (with
-- {"requested_id", "id"}), FQ005 a live job holds the key and the item's on_conflict is 'reject' (with {"requested_id", "holder_id"}).
-- enqueue_or_refuse answers these, so that a transaction goes on.
-- Lock order: as check_room, for queues that have max_pending; unique keys (sorted), jobs.
--
-- The general path, and the place to extend: what has to look at other rows for each job (keys, limits, rates, steps) is done here, in a check of its own
-- that runs only for calls that need it. One survey of the call decides which do. enqueue_lines is the plain path.
--
-- Estimated at ten rows: at a thousand, which is the default, a statement that does more with each row is planned anew for each call.
create or replace function forgeq.enqueue_many(jobs jsonb, fresh boolean default false, at timestamptz default null, own_ids boolean default false)
returns table (requested_id uuid, id uuid, created boolean, queue text, priority int, max_attempts int, run_at timestamptz, created_at timestamptz)
language plpgsql security definer rows 10 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  survey record;
  bad record;
  -- {id asked for: id of the job that was there already}
  existing jsonb := '{}';
  stored_ids uuid[] := '{}';
  finished uuid[] := '{}';
  seen pg_snapshot;
begin
  -- By the types and queues of this call, or Postgres reads all that there are.
  with i as materialized (
    select * from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, queue text, unique_key text, run_at text, delay_seconds text,
        start_before text)) with ordinality as i(id, type, queue, unique_key, run_at, delay_seconds, start_before, n)),
  t as materialized (
    select t.* from (select distinct i.type from i) named cross join lateral (
      select t.type, t.queue, t.listed_queues, t.priority, t.max_attempts from forgeq.job_type t where t.type = named.type offset 0) t),
  q as materialized (
    select q.* from (select i.queue as name from i where i.queue is not null union select t.queue from t) named
    cross join lateral (select q.name, q.listed_types, q.max_pending, q.keep_completed from forgeq.queue q where q.name = named.name offset 0) q)
  select min(i.n) filter (where t.type is null) - 1 as unknown_index,
         (array_agg(i.type order by i.n) filter (where t.type is null))[1] as unknown_type,
         min(i.n) filter (where (q.name = t.queue or q.name = any (t.listed_queues) or t.type = any (q.listed_types)) is not true) as misplaced,
         bool_or(i.id is null) as lacks_ids, bool_or(i.id is not null) as has_ids, not fresh and bool_or(not q.keep_completed) as forgets,
         (select jsonb_agg(t) from t) as types,
         jsonb_agg(jsonb_build_array(i.n - 1, i.id, i.type, i.unique_key, q.name, q.max_pending)) filter (where q.max_pending is not null) as limited,
         bool_or(i.unique_key is not null) as keyed,
         coalesce(bool_or(i.run_at is not null or i.delay_seconds is not null or i.start_before is not null), false) as timed
  into survey
  from i
  left join t on t.type = i.type
  left join q on q.name = coalesce(i.queue, t.queue);

  if survey.unknown_index is not null then
    raise exception 'unknown job type %', coalesce(survey.unknown_type, 'null')
      using errcode = 'FQ001', detail = json_build_object('index', survey.unknown_index);
  end if;

  if survey.misplaced is not null then
    perform forgeq.refuse_queue(jobs, survey.misplaced);
  end if;

  if survey.timed then
    perform forgeq.check_instants(jobs, now_at);
  end if;

  if not own_ids then
    perform forgeq.check_values(jobs);
  end if;

  if survey.has_ids and not own_ids then
    perform forgeq.check_ids(jobs, now_at);
  end if;

  if survey.lacks_ids then
    jobs := (select jsonb_agg(jsonb_build_object('id', forgeq.uuid_v7()) || j order by n) from jsonb_array_elements(jobs) with ordinality as e(j, n));
  end if;

  if survey.forgets then
    seen := pg_current_snapshot();
    existing := forgeq.existing_completed(jobs, now_at);
  end if;

  if not fresh and (survey.limited is not null or survey.keyed) then
    finished := forgeq.finished_ids(array(select (j ->> 'id')::uuid from jsonb_array_elements(jobs) as e(j)), now_at);
  end if;

  if survey.limited is not null then
    perform forgeq.check_room(survey.limited, case when not fresh then finished || array(select e.id::uuid from jsonb_object_keys(existing) as e(id)) end);
  end if;

  if survey.keyed then
    existing := forgeq.take_unique_keys(jobs, existing || forgeq.same_jobs(jobs, finished));
  end if;

  if fresh then
    return query
    with stored as (
      insert into forgeq.job as j
      select n.* from forgeq.new_jobs(jobs, survey.types, existing, now_at) n
      returning j.id, j.queue, j.type, j.priority::int, j.max_attempts::int, j.run_at),
    counted as (
      select sum(forgeq.metric_add(c.queue, c.type, 'e', c.jobs)
               + case when survey.limited is not null then forgeq.count_waiting(c.queue, c.jobs) else 0 end) as jobs
      from (select s.queue, s.type, count(*)::int as jobs from stored s group by s.queue, s.type) c)
    select s.id, s.id, true, s.queue, s.priority, s.max_attempts, s.run_at, now_at
    from stored s
    cross join counted c
    where c.jobs > 0;
  else
    select b.existing, b.stored_ids into existing, stored_ids from forgeq.store_by_id(jobs, survey.types, existing, seen, now_at) b;
    perform forgeq.metric_add(s.queue, s.type, 'e', count(*)::int)
    from forgeq.job s
    where s.id = any (stored_ids)
    group by s.queue, s.type;
    if survey.limited is not null then
      perform forgeq.count_waiting(s.queue, count(*)) from forgeq.job s where s.id = any (stored_ids) group by s.queue;
    end if;
    return query
    select j.id, j.id, true, j.queue, j.priority::int, j.max_attempts::int, j.run_at, now_at
    from forgeq.job j
    where j.id = any (stored_ids);
  end if;

  return query
  select e.key::uuid, e.value::uuid, false, null::text, null::int, null::int, null::timestamptz, null::timestamptz
  from jsonb_each_text(existing) e;
end
$$;
