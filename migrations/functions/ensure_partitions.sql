-- Makes the weekly partitions of job_history and job_attempt from last week to `weeks` weeks ahead.
-- A partition is built as a table and attached, which blocks no insert; one caller at a time, lock time-out 100 ms: a
-- call that can't have its locks changes nothing, and the next one tries again.
-- Returns the number of partitions made.
create or replace function forgeq.ensure_partitions(weeks int default 8, at timestamptz default null)
returns int
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '100ms'
as $$
declare
  parent text;
  week timestamptz;
  part text;
  made int := 0;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('forgeq.ensure_partitions', 0)) then
    return 0;
  end if;
  for i in -1 .. weeks loop
    week := date_trunc('week', coalesce(at, clock_timestamp()) at time zone 'UTC') at time zone 'UTC' + make_interval(days => 7 * i);
    foreach parent in array array['job_history', 'job_attempt'] loop
      part := parent || '_' || to_char(week at time zone 'UTC', 'YYYYMMDD');
      if to_regclass('forgeq.' || part) is null then
        -- Vacuumed often, which for rows that nobody deletes is a glance at the new pages: reads that an index alone could answer visit those of the others.
        execute format('create table forgeq.%I (like forgeq.%I including all) with (autovacuum_vacuum_insert_scale_factor = 0.02)', part, parent);
        execute format('alter table forgeq.%I attach partition forgeq.%I for values from (%L) to (%L)',
                       parent, part, week, week + interval '7 days');
        made := made + 1;
      end if;
    end loop;
  end loop;
  return made;
end
$$;
