-- Enqueues the jobs of schedules' slots, exactly those given, and moves the schedules on.
-- fires: [{name, revision, decided_until, slots: [{slot_at, job_id, run_at}], until, next_slot_at}]; revision and decided_until
-- are those that the caller computed the slots from.
--
-- Guarantees: a slot is decided once, whoever calls how often: the schedule must still stand where the caller saw it
-- (else 'stale'), and moves to `until` in the same transaction that stores the jobs. Nobody waits: a schedule that another
-- caller holds is 'busy'. A schedule whose jobs are refused (its queue is full or gone, its type unknown) stays where it is.
-- overlap: 'allow' takes every slot; 'skip' only one while no job of the schedule lives; 'queue_one' only one while none waits, and its job starts when the
-- earlier one has ended, see start_waiting. A schedule of that kind one of whose jobs is being ended is 'busy'.
-- One row per schedule: outcome 'fired', 'stale', 'busy', 'not_found' or 'refused' with a reason; the jobs stored, and when the first is due.
-- Lock order: schedules by name (skip locked), live jobs of those with queue_one (skip locked), then as enqueue_many.
--
-- All together, in one sub-transaction; one by one only where that failed because a job of one of them is refused.
create or replace function forgeq.fire_schedules(fires jsonb, at timestamptz default null)
returns table (name text, outcome text, jobs int, skipped int, due_seconds double precision, reason text)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  fire jsonb;
begin
  begin
    return query select * from forgeq.fire_together(fires, now_at, at);
    return;
  exception when sqlstate 'FQ001' or sqlstate 'FQ002' or sqlstate 'FQ006' then
    null;
  end;
  for fire in select f from jsonb_array_elements(fires) f order by f ->> 'name' loop
    begin
      return query select * from forgeq.fire_together(jsonb_build_array(fire), now_at, at);
    exception when sqlstate 'FQ001' or sqlstate 'FQ002' or sqlstate 'FQ006' then
      name := fire ->> 'name';
      outcome := 'refused';
      jobs := 0;
      skipped := 0;
      reason := sqlerrm;
      return next;
    end;
  end loop;
end
$$;
