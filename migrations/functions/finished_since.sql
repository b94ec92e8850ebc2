-- The newest jobs, at most max_jobs, that ended at or after `since`, whatever their ids are: what a reader that asks every second has not seen. A null type,
-- queue or state means all. `now_at`: see lookup_window. Internal.
-- By the index over time, which is small. The planner, who knows nothing of a partition that has just begun, would read another one whole: that of ids, or,
-- where it can compare the state as it is, that of failed jobs.
-- See finished_ids on how it is planned.
create or replace function forgeq.finished_since(
  since timestamptz, max_jobs int, type text, queue text, state text, now_at timestamptz)
returns setof forgeq.job_history
language plpgsql stable security definer rows 100 set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_indexscan = off set enable_indexonlyscan = off set jit = off set lock_timeout = '4s'
as $$
begin
  return query execute
    'select * from forgeq.job_history h
     where h.finished_at >= $1 and h.finished_at < $2 and ($3 is null or h.type = $3) and ($4 is null or h.queue = $4) and ($5 is null or h.state::text = $5)
     order by h.finished_at desc
     limit $6'
  using since, greatest(now_at, clock_timestamp()) + interval '7 days', type, queue, state, max_jobs;
end
$$;
