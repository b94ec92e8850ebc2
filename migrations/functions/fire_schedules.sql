-- Enqueues the jobs of schedules' slots, exactly those given, and moves the schedules on.
-- fires: [{name, revision, decided_until, slots: [{slot_at, job_id, run_at}], until, next_slot_at}]; revision and decided_until
-- are those that the caller computed the slots from.
--
-- Guarantees: a slot is decided once, whoever calls how often: the schedule must still stand where the caller saw it
-- (else 'stale'), and moves to `until` in the same transaction that stores the jobs. Nobody waits: a schedule that another
-- caller holds is 'busy'. A schedule whose jobs are refused (its queue is full or gone, its type unknown) stays where it is.
-- overlap: 'allow' takes every slot; 'skip' only one while no job of the schedule lives; 'queue_one' only one while none waits.
-- One row per schedule: outcome 'fired', 'stale', 'busy', 'not_found' or 'refused' with a reason; the jobs stored, and when the first is due.
-- Lock order: schedules by name (skip locked), then as enqueue_many.
create or replace function forgeq.fire_schedules(fires jsonb, at timestamptz default null)
returns table (name text, outcome text, jobs int, skipped int, due_seconds double precision, reason text)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  fire record;
  slot record;
  held forgeq.schedule;
  live uuid[];
  waiting boolean;
  items jsonb;
begin
  for fire in
    select f.* from jsonb_to_recordset(fires) as f(name text, revision int, decided_until timestamptz, slots jsonb, until timestamptz, next_slot_at timestamptz)
    order by f.name
  loop
    name := fire.name;
    jobs := 0;
    skipped := 0;
    due_seconds := null;
    reason := null;
    select s.* into held from forgeq.schedule s where s.name = fire.name for update skip locked;
    if not found then
      outcome := case when exists (select from forgeq.schedule s where s.name = fire.name) then 'busy' else 'not_found' end;
      return next;
      continue;
    end if;
    if held.paused or held.revision <> fire.revision or held.decided_until <> fire.decided_until then
      outcome := 'stale';
      return next;
      continue;
    end if;

    select coalesce(array_agg(j.id), '{}'), coalesce(bool_or(j.claim_id is null), false) into live, waiting
    from unnest(held.live_job_ids) as u(id)
    cross join lateral (select job.id, job.claim_id from forgeq.job where job.id = u.id offset 0) j;
    items := '[]';
    for slot in
      select s.* from jsonb_to_recordset(fire.slots) as s(slot_at timestamptz, job_id uuid, run_at timestamptz) order by s.slot_at
    loop
      if (held.overlap = 'skip' and cardinality(live) > 0) or (held.overlap = 'queue_one' and waiting) then
        skipped := skipped + 1;
        continue;
      end if;
      items := items || jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('id', slot.job_id, 'type', held.type, 'queue', held.queue,
          'priority', held.priority, 'run_at', slot.run_at))
        || jsonb_build_object('payload', held.payload, 'metadata', jsonb_build_object('schedule', held.name,
          'slot_at', to_char(slot.slot_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))));
      live := live || slot.job_id;
      waiting := true;
      jobs := jobs + 1;
      due_seconds := least(due_seconds, greatest(0, extract(epoch from slot.run_at - now_at)));
    end loop;

    begin
      if jobs > 0 then
        perform forgeq.enqueue_many(items, false, at);
      end if;
      update forgeq.schedule s
      set decided_until = fire.until, next_slot_at = fire.next_slot_at,
          last_slot_at = coalesce((select max(f.slot_at) from jsonb_to_recordset(fire.slots) as f(slot_at timestamptz)), s.last_slot_at),
          live_job_ids = live[greatest(1, cardinality(live) - 99):]
      where s.name = fire.name;
      outcome := 'fired';
    exception when sqlstate 'FQ001' or sqlstate 'FQ002' or sqlstate 'FQ006' then
      outcome := 'refused';
      reason := sqlerrm;
      jobs := 0;
      skipped := 0;
      due_seconds := null;
    end;
    return next;
  end loop;
end
$$;
