-- How many jobs of a queue have been stored and not finished, counted in the index: `scheduled` up to max_counted + 1; `due`, of which `held` are claimed, up to
-- as many, but ten times as many where more are scheduled than are counted. `oldest` is when the first free one fell due. Internal: queue_stats calls it.
--
-- Where vacuum has not come by, a job that is counted may read a page: those that are scheduled lie anywhere, those that are due mostly one after the other.
-- Entries of jobs that have ended are not passed where there is a backlog: the newest come first, and the oldest is looked for from a mark on, see job_heads.
create or replace function forgeq.queue_jobs(
  queue text, held bigint, now_at timestamptz, max_counted int, out scheduled bigint, out due bigint, out oldest timestamptz)
language plpgsql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
#variable_conflict use_column
declare
  few constant int := 50;
begin
  -- A queue of few jobs has no need of a look at each priority.
  select count(*) filter (where j.run_at > now_at), count(*) filter (where j.run_at <= now_at) into scheduled, due
  from (select j.run_at from forgeq.job j where j.queue = queue_jobs.queue order by j.priority desc, j.run_at desc limit few) j;
  if scheduled + due = few then
    select count(*) into scheduled
    from (
      select from generate_series(0, 9) as p(n)
      cross join lateral (
        select from forgeq.job j where j.queue = queue_jobs.queue and j.priority = p.n::smallint and j.run_at > now_at offset 0) j
      limit max_counted + 1) x;
    select count(*) into due
    from (
      select from generate_series(0, 9) as p(n)
      cross join lateral (
        select from forgeq.job j where j.queue = queue_jobs.queue and j.priority = p.n::smallint and j.run_at <= now_at
        order by j.run_at desc offset 0) j
      limit case when scheduled > max_counted then 10 else 1 end * max_counted + 1 + held) x;
  end if;
  if due > held then
    oldest := (
      select min(j.run_at)
      from generate_series(0, 9) as p(n)
      cross join lateral (
        select coalesce(max(m.low), '-infinity') as low from forgeq.job_mark m
        where m.queue = queue_jobs.queue and m.priority = p.n::smallint and m.made_at > clock_timestamp() - interval '10 minutes') m
      cross join lateral (
        select j.run_at from forgeq.job j
        where j.queue = queue_jobs.queue and j.priority = p.n::smallint and j.run_at >= m.low and j.run_at <= now_at and j.claim_id is null
        order by j.run_at limit 1) j);
  end if;
end
$$;
