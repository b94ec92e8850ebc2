-- Starts the jobs that schedules with the overlap policy queue_one keep waiting, where no earlier job of the schedule lives any more: they are due now.
-- Answers whether there was any. Internal: whatever ends a scheduled job calls it, after that job is gone, and fire_schedules.
-- Lock order: the jobs (skip locked).
create or replace function forgeq.start_waiting(schedules text[], now_at timestamptz)
returns boolean
language plpgsql
as $$
declare
  places tid[] := array(
    select j.tid
    from forgeq.schedule s
    cross join lateral (
      select w.ctid as tid from forgeq.job w where w.id = s.waiting_job_id and w.claim_id is null and w.run_at > now_at offset 0 for update skip locked) j
    where s.name = any (schedules) and s.overlap = 'queue_one' and s.waiting_job_id is not null
      and not exists (
        select from unnest(s.live_job_ids) as u(id)
        cross join lateral (select from forgeq.job e where e.id = u.id offset 0) e
        where u.id <> s.waiting_job_id));
begin
  update forgeq.job j set created_at = coalesce(j.created_at, j.run_at), run_at = now_at where j.ctid = any (places) and j.claim_id is null;
  return found;
end
$$;
