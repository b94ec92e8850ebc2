-- Moves the marks from which others look for due jobs of this queue and for expired leases. Internal: a sweep calls it that has passed many entries of jobs
-- which have ended, as a long transaction keeps them. So a look that comes after a burst passes what the last seconds have left, and not all of it at once.
-- Lock order: as mark_jobs and earliest_expiry.
create or replace function forgeq.keep_marks(queue text)
returns void
language plpgsql
as $$
begin
  perform forgeq.mark_jobs(keep_marks.queue, -1::smallint, keep_marks.queue, 9::smallint);
  perform forgeq.earliest_expiry();
end
$$;
