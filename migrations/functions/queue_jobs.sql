-- How many jobs of a queue wait, counted in the index: `scheduled` up to max_counted + 1; `pending`, which are due and not claimed, up to as many, but ten
-- times as many where more are scheduled than are counted. `held` is how many are claimed; `oldest` is when the first pending one fell due. Internal:
-- queue_stats calls it.
--
-- Where vacuum has not come by, a job that is counted may read a page: those that are scheduled lie anywhere, those that are due mostly one after the other.
-- Entries of jobs that have ended are not passed where there is a backlog, as the newest come first, nor below a mark: see job_heads.
create or replace function forgeq.queue_jobs(
  queue text, held bigint, now_at timestamptz, max_counted int, out scheduled bigint, out pending bigint, out oldest timestamptz)
language plpgsql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
#variable_conflict use_column
declare
  few constant int := 50;
  most bigint;
  lows timestamptz[] := '{}';
begin
  -- A queue of few jobs has no need of a look at each priority.
  select count(*) filter (where j.run_at > now_at), greatest(0, count(*) filter (where j.run_at <= now_at) - held),
         min(j.run_at) filter (where j.run_at <= now_at)
  into scheduled, pending, oldest
  from (select j.run_at from forgeq.job j where j.queue = queue_jobs.queue order by j.priority desc, j.run_at desc limit few) j;
  if scheduled + pending + held < few and (held = 0 or pending = 0) then
    -- All of them were seen, and none that is due is claimed, or each is.
    if pending = 0 then
      oldest := null;
    end if;
    return;
  end if;
  oldest := null;
  if exists (select from forgeq.job_mark m where m.queue = queue_jobs.queue and m.made_at > clock_timestamp() - interval '10 minutes') then
    lows := array(
      select (select m.low from forgeq.job_mark m where m.queue = queue_jobs.queue and m.priority = p.n::smallint)
      from generate_series(0, 9) as p(n) order by p.n);
  end if;
  if scheduled + pending + held >= few then
    select count(*) into scheduled
    from (
      select from generate_series(0, 9) as p(n)
      cross join lateral (
        select from forgeq.job j where j.queue = queue_jobs.queue and j.priority = p.n::smallint and j.run_at > now_at offset 0) j
      limit max_counted + 1) x;
    most := case when scheduled > max_counted then 10 else 1 end * max_counted + 1;
    if lows = '{}' then
      select greatest(0, count(*) - held) into pending
      from (
        select from generate_series(0, 9) as p(n)
        cross join lateral (
          select from forgeq.job j where j.queue = queue_jobs.queue and j.priority = p.n::smallint and j.run_at <= now_at
          order by j.run_at desc offset 0) j
        limit most + held) x;
    else
      -- Claimed ones may be below a mark, and no page is visible to all while a transaction keeps entries: so each is looked at.
      select count(*) into pending
      from (
        select from generate_series(0, 9) as p(n)
        cross join lateral (
          select from forgeq.job j
          where j.queue = queue_jobs.queue and j.priority = p.n::smallint and j.run_at <= now_at and j.run_at >= coalesce(lows[p.n + 1], '-infinity')
            and j.claim_id is null
          order by j.run_at desc offset 0) j
        limit most) x;
    end if;
  end if;
  if pending > 0 then
    oldest := (
      select min(j.run_at)
      from generate_series(0, 9) as p(n)
      cross join lateral (
        select j.run_at from forgeq.job j
        where j.queue = queue_jobs.queue and j.priority = p.n::smallint and j.run_at <= now_at and j.run_at >= coalesce(lows[p.n + 1], '-infinity')
          and j.claim_id is null
        order by j.run_at limit 1) j);
  end if;
end
$$;
