-- When the first of a job's last dispatches that were counted came back. Each of them has left an attempt; where some are gone, it is long ago. Internal.
-- A function of its own, because it looks at every partition: end_uncompleted asks for what nearly no job has come to.
create or replace function forgeq.dispatched_since(job_id uuid, life int, dispatches int)
returns timestamptz
language plpgsql
as $$
begin
  return coalesce((
    select a.ended_at
    from forgeq.job_attempt a
    where a.job_id = dispatched_since.job_id and a.life = dispatched_since.life and a.outcome = 'undispatched'
    order by a.ended_at desc
    offset dispatched_since.dispatches - 1 limit 1), '-infinity');
end
$$;
