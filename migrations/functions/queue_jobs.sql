-- How many jobs of a queue wait, counted in the index: `scheduled` and `pending`, which are due and not claimed, up to max_counted + 1 each. Where there are
-- more of one of them, the other is counted up to ten times as many, because their sum is known; and both are where there are more of both. `more_scheduled`,
-- `more_pending`: there may be more than that. `held` is how many are claimed; `oldest` is when the first pending one fell due. Internal: see queue_numbers.
--
-- Where vacuum has not come by, a job that is counted may read a page: those that are scheduled lie anywhere, those that are due mostly one after the other.
-- So the counts end when the transaction has read until_pages (see job_pages), the first of them half-way, but ten jobs are looked at in any case. A count
-- goes on in steps of a quarter of the pages that are left, because also the entry of a job that has ended reads one.
-- Entries of jobs that have ended are not passed where there is a backlog, as the newest come first, nor below a mark: see job_heads.
create or replace function forgeq.queue_jobs(
  queue text, held bigint, now_at timestamptz, max_counted int, until_pages bigint,
  out scheduled bigint, out pending bigint, out oldest timestamptz, out more_scheduled boolean, out more_pending boolean)
language plpgsql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
#variable_conflict use_column
declare
  few int := least(50, greatest(10, until_pages - forgeq.job_pages()));
  half bigint := (forgeq.job_pages() + until_pages) / 2;
  seen bigint;
  most bigint;
  ahead refcursor;
  seen_ahead bigint := 0;
  step int;
  passed int;
  priorities smallint[] := '{}';
  newest timestamptz[] := '{}';
  head record;
  lows timestamptz[] := '{}';
  waiting refcursor;
begin
  more_scheduled := false;
  more_pending := false;
  -- A queue of few jobs has no need of a look at each priority.
  select count(*), count(*) filter (where j.run_at > now_at), greatest(0, count(*) filter (where j.run_at <= now_at) - held),
         min(j.run_at) filter (where j.run_at <= now_at)
  into seen, scheduled, pending, oldest
  from (select j.run_at from forgeq.job j where j.queue = queue_jobs.queue order by j.priority desc, j.run_at desc limit few) j;
  if seen < few and (held = 0 or pending = 0) then
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
  while lows = '{}' loop
    select j.priority, j.run_at into head
    from forgeq.job j
    where j.queue = queue_jobs.queue and j.priority < coalesce(priorities[1], 10::smallint) order by j.priority desc, j.run_at desc limit 1;
    exit when head.priority is null;
    priorities := head.priority || priorities;
    newest := head.run_at || newest;
  end loop;
  if lows <> '{}' then
    -- One that has no job any more may have the entries of all that it had.
    select coalesce(array_agg(p.n::smallint order by p.n), '{}'), coalesce(array_agg(j.run_at order by p.n), '{}') into priorities, newest
    from generate_series(0, 9) as p(n)
    cross join lateral (
      select j.run_at from forgeq.job j
      where j.queue = queue_jobs.queue and j.priority = p.n::smallint and j.run_at >= coalesce(lows[p.n + 1], '-infinity') order by j.run_at desc limit 1) j;
  end if;

  if seen >= few then
    open ahead no scroll for
      select from unnest(priorities, newest) as p(n, newest)
      cross join lateral (
        select from forgeq.job j where p.newest > now_at and j.queue = queue_jobs.queue and j.priority = p.n and j.run_at > now_at offset 0) j;
    while not more_scheduled loop
      step := least(max_counted + 1 - seen_ahead, greatest((half - forgeq.job_pages()) / 4, 1));
      move forward step in ahead;
      get diagnostics passed = row_count;
      seen_ahead := seen_ahead + passed;
      exit when passed < step;
      more_scheduled := seen_ahead > max_counted or forgeq.job_pages() >= half;
    end loop;

    most := case when more_scheduled then 10 else 1 end * max_counted + 1;
    if lows = '{}' then
      open waiting no scroll for
        select from unnest(priorities) as p(n)
        cross join lateral (
          select from forgeq.job j where j.queue = queue_jobs.queue and j.priority = p.n and j.run_at <= now_at order by j.run_at desc offset 0) j;
    else
      -- Claimed ones may be below a mark, and no page is visible to all while a transaction keeps entries: so each is looked at.
      open waiting no scroll for
        select from unnest(priorities) as p(n)
        cross join lateral (
          select from forgeq.job j
          where j.queue = queue_jobs.queue and j.priority = p.n and j.run_at <= now_at and j.run_at >= coalesce(lows[p.n + 1], '-infinity')
            and j.claim_id is null
          order by j.run_at desc offset 0) j;
    end if;
    seen := case when lows = '{}' then -held else 0 end;
    while not more_pending loop
      step := least(most - seen, greatest((until_pages - forgeq.job_pages()) / 4, 1));
      move forward step in waiting;
      get diagnostics passed = row_count;
      seen := seen + passed;
      exit when passed < step;
      more_pending := seen >= most or forgeq.job_pages() >= until_pages;
    end loop;
    close waiting;
    -- There are more of both. Those that are scheduled are counted on: where they are few enough, the others are what the sum leaves.
    most := 10 * max_counted + 1;
    while more_pending and more_scheduled and seen_ahead < most and forgeq.job_pages() < until_pages loop
      step := least(most - seen_ahead, greatest((until_pages - forgeq.job_pages()) / 4, 1));
      move forward step in ahead;
      get diagnostics passed = row_count;
      seen_ahead := seen_ahead + passed;
      more_scheduled := passed = step;
    end loop;
    close ahead;
    scheduled := greatest(scheduled, seen_ahead);
    pending := greatest(seen, case when more_pending then pending else 0 end);
  end if;
  if pending > 0 then
    oldest := (
      select min(j.run_at)
      from unnest(priorities) as p(n)
      cross join lateral (
        select j.run_at from forgeq.job j
        where j.queue = queue_jobs.queue and j.priority = p.n and j.run_at <= now_at and j.run_at >= coalesce(lows[p.n + 1], '-infinity')
          and j.claim_id is null
        order by j.run_at limit 1) j);
  end if;
end
$$;
