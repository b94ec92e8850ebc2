-- Enqueues one job of a schedule now, in addition to its slots: paused or not, whatever its overlap policy says. Sent again with the
-- same job id it stores nothing more. Returns no row when there is no such schedule. Errors as enqueue_many.
-- Lock order: the schedule, then as enqueue_many.
create or replace function forgeq.trigger_schedule(name text, job_id uuid, at timestamptz default null)
returns table (id uuid, queue text)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  held forgeq.schedule;
begin
  at := forgeq.as_owner(at);
  select s.* into held from forgeq.schedule s where s.name = trigger_schedule.name for update;
  if not found then
    return;
  end if;
  perform forgeq.enqueue_many(jsonb_build_array(
    jsonb_strip_nulls(jsonb_build_object('id', job_id, 'type', held.type, 'queue', held.queue, 'priority', held.priority,
        'max_attempts', held.max_attempts, 'unique_key', held.unique_key))
      || jsonb_build_object('payload', held.payload, 'metadata', coalesce(held.metadata, '{}') || jsonb_build_object('schedule', held.name))),
    false, at, own_ids => true);
  update forgeq.schedule s
  set live_job_ids = (s.live_job_ids || job_id)[greatest(1, cardinality(s.live_job_ids) - 98):]
  where s.name = trigger_schedule.name and job_id <> all (s.live_job_ids);
  id := job_id;
  queue := coalesce(held.queue, (select t.queue from forgeq.job_type t where t.type = held.type));
  return next;
end
$$;
