-- Fires schedules as fire_schedules says, all in a few statements: one call of enqueue_many stores the jobs of all of them. Raises what enqueue_many raises
-- when any job is refused: then nothing has happened. Internal: fire_schedules calls it.
create or replace function forgeq.fire_together(fires jsonb, now_at timestamptz, at timestamptz)
returns table (name text, outcome text, jobs int, skipped int, due_seconds double precision, reason text)
language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
  set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  held text[];
  -- [{name, slots that are taken, skipped, live}]
  decided jsonb;
  items jsonb;
  there uuid[];
  locked uuid[];
begin
  held := array(
    select s.name from forgeq.schedule s
    where s.name = any (array(select f.name from jsonb_to_recordset(fires) as f(name text)))
    order by s.name for update skip locked);
  if exists (select from forgeq.schedule s where s.name = any (held) and s.overlap = 'queue_one' and s.live_job_ids <> '{}') then
    perform forgeq.start_waiting(held, now_at);
    -- Whoever ends one of these jobs from now on sees what is decided here. One that is being ended now makes its schedule busy.
    locked := array(
      select j.id from forgeq.job j
      where j.id = any (array(select unnest(s.live_job_ids) from forgeq.schedule s where s.name = any (held) and s.overlap = 'queue_one'))
      order by j.id for key share skip locked);
    held := array(
      select s.name from forgeq.schedule s
      where s.name = any (held) and (s.overlap <> 'queue_one' or not exists (
        select from unnest(s.live_job_ids) as u(id) cross join lateral (select from forgeq.job j where j.id = u.id offset 0) j where u.id <> all (locked))));
  end if;

  select coalesce(jsonb_agg(jsonb_build_object('name', d.name, 'live', d.live, 'waits', d.waits, 'skipped', jsonb_array_length(d.slots) - d.taken,
           'slots', (select coalesce(jsonb_agg(e.slot order by e.n), '[]')
                     from jsonb_array_elements(d.slots) with ordinality as e(slot, n) where e.n <= d.taken))), '[]')
  into decided
  from (
    select f.name, f.slots, l.ids as live, s.overlap = 'queue_one' and cardinality(l.ids) > 0 as waits,
           -- One of several slots is taken where jobs may not pile up: the first.
           case when s.overlap = 'allow' then jsonb_array_length(f.slots)
                when s.overlap = 'skip' and cardinality(l.ids) > 0 or s.overlap = 'queue_one' and l.waiting then 0
                else least(1, jsonb_array_length(f.slots)) end as taken
    from jsonb_to_recordset(fires) as f(name text, revision int, decided_until timestamptz, slots jsonb)
    join forgeq.schedule s on s.name = f.name
    cross join lateral (
      select coalesce(array_agg(j.id), '{}') as ids, coalesce(bool_or(j.claim_id is null), false) as waiting
      from unnest(s.live_job_ids) as u(id)
      cross join lateral (select job.id, job.claim_id from forgeq.job where job.id = u.id offset 0) j) l
    where f.name = any (held) and not s.paused and s.revision = f.revision and s.decided_until = f.decided_until) d;

  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', slot.job_id, 'type', s.type, 'queue', s.queue, 'priority', s.priority,
             'max_attempts', s.max_attempts, 'unique_key', s.unique_key,
             -- Kept for the end of the earlier job, and not for good where that is not seen.
             'run_at', case when d.waits then now_at + interval '9 years' else slot.run_at end))
           || jsonb_build_object('payload', s.payload, 'metadata', coalesce(s.metadata, '{}') || jsonb_build_object('schedule', s.name,
             'slot_at', to_char(slot.slot_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) order by s.name, slot.slot_at), '[]')
  into items
  from jsonb_to_recordset(decided) as d(name text, slots jsonb, waits boolean)
  cross join lateral jsonb_to_recordset(d.slots) as slot(slot_at timestamptz, job_id uuid, run_at timestamptz)
  join forgeq.schedule s on s.name = d.name
  where not exists (select from forgeq.job j where j.id = slot.job_id);
  if jsonb_array_length(items) > 0 then
    -- A slot that is fired twice, because somebody moved the schedule back by hand, is one job, also where it has finished.
    there := forgeq.finished_ids(array(select (i ->> 'id')::uuid from jsonb_array_elements(items) i), now_at);
    items := (select coalesce(jsonb_agg(i), '[]') from jsonb_array_elements(items) i where (i ->> 'id')::uuid <> all (there));
  end if;
  if jsonb_array_length(items) > 0 then
    perform forgeq.enqueue_many(items, true, fire_together.at, own_ids => true);
  end if;

  update forgeq.schedule s
  set decided_until = f.until, next_slot_at = f.next_slot_at,
      waiting_job_id = case when d.waits then coalesce((d.slots -> 0 ->> 'job_id')::uuid, s.waiting_job_id) end,
      last_slot_at = coalesce((select max(e.slot_at) from jsonb_to_recordset(f.slots) as e(slot_at timestamptz)), s.last_slot_at),
      live_job_ids = (
        select coalesce(array_agg(newest.id order by newest.n), '{}')
        from (select u.id::uuid, u.n
              from jsonb_array_elements_text(d.live || jsonb_path_query_array(d.slots, '$[*].job_id')) with ordinality as u(id, n)
              order by u.n desc limit 100) newest)
  from jsonb_to_recordset(decided) as d(name text, slots jsonb, live jsonb, waits boolean)
  join jsonb_to_recordset(fires) as f(name text, slots jsonb, until timestamptz, next_slot_at timestamptz) on f.name = d.name
  where s.name = d.name;

  return query
  select f.name,
         case when d.name is not null then 'fired' when f.name = any (held) then 'stale'
              when exists (select from forgeq.schedule s where s.name = f.name) then 'busy' else 'not_found' end,
         coalesce(jsonb_array_length(d.slots), 0), coalesce(d.skipped, 0),
         (select greatest(0, extract(epoch from min(e.run_at) - now_at))::double precision
          from jsonb_to_recordset(d.slots) as e(run_at timestamptz)), null::text
  from jsonb_to_recordset(fires) as f(name text)
  left join jsonb_to_recordset(decided) as d(name text, slots jsonb, skipped int) on d.name = f.name;
end
$$;
