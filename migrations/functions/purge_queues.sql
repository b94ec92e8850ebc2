-- Deletes the finished jobs, and their attempts, of queues that keep them for less than `longest` days. Internal: purge calls it.
--
-- Each instant is looked at once for each retention, also where nothing is found, and what is deleted is not read again: purge_mark says how far the queues of
-- a retention are, queue.purged_to how far one is that has come since or keeps its jobs for another time now. The history is read in windows, of a minute at
-- first, then longer; one with too many rows is divided. None is longer than what is left of its day: so it lies in one partition, where a ctid is one row.
-- A call deletes at most max_rows jobs, and stops after it has examined twenty times as many. One caller at a time; another one does nothing.
-- `more`: another call may find work immediately.
--
-- Planned for each window with its instants known: a generic plan would lock every partition.
create or replace function forgeq.purge_queues(max_rows int, longest int, now_at timestamptz, out jobs int, out more boolean)
language plpgsql
  set plan_cache_mode = force_custom_plan set enable_seqscan = off set enable_bitmapscan = on set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
#variable_conflict use_variable
declare
  longest_window constant interval := '1 day';
  shortest_window constant interval := '1 second';
  most_windows constant int := 100;
  behind record;
  names text[];
  low timestamptz;
  high timestamptz;
  size interval;
  found_rows record;
  most int;
  examined int := 0;
  windows int := 0;
begin
  jobs := 0;
  more := false;
  if not exists (select from forgeq.purge_groups(longest, now_at)) or not forgeq.lock_mutex('purge_queues') then
    return;
  end if;
  -- Whoever held the lock until now may have done it.
  for behind in select g.days, g.marked, g.purged_to, g.until, g.state from forgeq.purge_groups(longest, now_at) g order by g.purged_to loop
    names := array(
      select q.name from forgeq.queue q
      where q.retention_days = behind.days and case when behind.marked then q.purged_to is null else q.purged_to = behind.purged_to end and behind.state is null
      union all
      select r.queue from forgeq.outcome_retention r
      where r.state = behind.state and r.days = behind.days and r.purged_to = behind.purged_to);
    low := behind.purged_to;
    if not isfinite(low) then
      low := (select to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp at time zone 'UTC' from pg_catalog.pg_class c
              where c.relname >= 'job_history_'::name and c.relname < 'job_history_a'::name and c.relnamespace = 'forgeq'::regnamespace and c.relkind = 'r'
              order by c.relname limit 1);
    end if;
    low := coalesce(least(low, behind.until), behind.until);
    size := '1 minute';
    while low < behind.until and jobs < max_rows and examined < max_rows * 20 and windows < most_windows loop
      windows := windows + 1;
      high := least(low + size, behind.until, (date_trunc('day', low at time zone 'UTC') + longest_window) at time zone 'UTC');
      most := case when size > shortest_window then max_rows * 20 + 1 else max_rows - jobs end;
      select count(*)::int as rows, count(*) filter (where w.mine)::int as jobs, array_agg(w.ctid) filter (where w.mine) as places,
             array_agg(w.id) filter (where w.mine and w.tried) as ids, array_agg(w.life) filter (where w.mine and w.tried) as lives,
             min(w.created_at) filter (where w.mine and w.tried) as created_at
      into found_rows
      from (
        select h.ctid, h.id, h.life, h.created_at, h.queue = any (names) and h.state = coalesce(behind.state, h.state) as mine,
               h.attempt > 1 or h.run_at is not null or h.state <> 'completed' as tried
        from forgeq.job_history h
        where h.finished_at >= low and h.finished_at < high and (size > shortest_window or h.queue = any (names) and h.state = coalesce(behind.state, h.state))
        limit most) w;
      if size > shortest_window and (found_rows.rows = most or found_rows.jobs > max_rows - jobs) then
        exit when jobs > 0;
        size := greatest(least(size, high - low) / 4, shortest_window);
        continue;
      end if;
      examined := examined + found_rows.rows;
      if found_rows.jobs > 0 then
        delete from forgeq.job_history h where h.finished_at >= low and h.finished_at < high and h.ctid = any (found_rows.places);
        delete from forgeq.job_attempt a
        using unnest(found_rows.ids, found_rows.lives) as u(id, life)
        where a.job_id = u.id and a.life = u.life and a.ended_at >= found_rows.created_at and a.ended_at <= high;
        jobs := jobs + found_rows.jobs;
      end if;
      -- The shortest window may have more jobs of these queues than this call deletes.
      exit when size <= shortest_window and found_rows.rows = most;
      low := high;
      if found_rows.rows < max_rows then
        size := least(size * 4, longest_window);
      end if;
    end loop;

    if behind.state is not null then
      update forgeq.outcome_retention r set purged_to = low
      where r.state = behind.state and r.days = behind.days and r.purged_to = behind.purged_to and r.purged_to <> low;
    elsif behind.marked or low >= behind.until then
      insert into forgeq.purge_mark as m (retention_days, purged_to) values (behind.days, low)
      -- Also back, where the clock went back: what has finished since then is older than the mark.
      on conflict (retention_days) do update set purged_to = excluded.purged_to where m.purged_to <> excluded.purged_to;
    end if;
    if behind.state is null and not behind.marked and low > behind.purged_to then
      -- Skipped where a claim holds the row: then its window is looked at again.
      update forgeq.queue q set purged_to = case when low < behind.until then low end
      where q.ctid = any (array(
        select o.ctid from forgeq.queue o
        where o.name = any (names) and o.retention_days = behind.days and o.purged_to = behind.purged_to for update skip locked));
    end if;
    more := more or low < behind.until;
  end loop;
end
$$;
