-- Makes the partitions of job_history and job_attempt from last week to `weeks` weeks ahead, wherever none is there yet: by week, or by month where a queue
-- keeps its jobs for more than a year. A look by id locks four relations for each partition since that id.
-- A partition is built as a table and attached, which blocks no insert; one caller at a time, and none beside migrate, by a lock that no stranger can
-- hold; lock time-out 100 ms: a
-- call that can't have its locks changes nothing, and the next one tries again.
-- Returns the number of partitions made.
create or replace function forgeq.ensure_partitions(weeks int default 8, at timestamptz default null)
returns int
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '100ms' set timezone = 'UTC'
as $$
declare
  this_week timestamptz := date_trunc('week', coalesce(forgeq.as_owner(at), clock_timestamp()));
  horizon timestamptz := this_week + make_interval(days => 7 * (weeks + 1));
  unit text := case when (select max(q.retention_days) from forgeq.queue q) > 366 then 'month' else 'week' end;
  parent text;
  part text;
  present record;
  start timestamptz;
  stop timestamptz;
  made int := 0;
begin
  if weeks is null or weeks not between 0 and 52 then
    raise exception 'forgeq: partitions are made 0 to 52 weeks ahead' using errcode = 'FQ003';
  end if;
  -- As a rule every week has its own, and their names, which Postgres has at hand, say so.
  if unit = 'week' and not exists (
      select from generate_series(-1, weeks) as w(n)
      cross join unnest(array['job_history', 'job_attempt']) as t(name)
      where to_regclass('forgeq.' || t.name || '_' || to_char(this_week + make_interval(days => 7 * w.n), 'YYYYMMDD')) is null) then
    return 0;
  end if;
  begin
    lock table forgeq.migration in share update exclusive mode nowait;
  exception when lock_not_available then
    return 0;
  end;
  foreach parent in array array['job_history', 'job_attempt'] loop
    start := this_week - interval '7 days';
    for present in
      select p.from_at, p.to_at from forgeq.partitions_of(parent, start) p
      union all select 'infinity', 'infinity' order by from_at
    loop
      -- The gap before it, if there is one, in weeks or months of the calendar that end where it begins.
      while start < least(present.from_at, horizon) loop
        stop := least(date_trunc(unit, start) + ('1 ' || unit)::interval, present.from_at);
        part := parent || '_' || to_char(start, 'YYYYMMDD');
        -- Vacuumed often, which for rows that nobody deletes is a glance at the new pages: reads that an index alone could answer visit those of the others.
        execute format('create table forgeq.%I (like forgeq.%I including all) with (autovacuum_vacuum_insert_scale_factor = 0.02)', part, parent);
        -- A publication for all tables would refuse every delete otherwise. It is free where nothing is published.
        execute format('alter table forgeq.%I replica identity full', part);
        execute format('alter table forgeq.%I attach partition forgeq.%I for values from (%L) to (%L)', parent, part, start, stop);
        made := made + 1;
        start := stop;
      end loop;
      start := greatest(start, present.to_at);
    end loop;
  end loop;
  return made;
end
$$;
