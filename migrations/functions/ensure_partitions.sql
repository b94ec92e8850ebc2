-- Makes the weekly partitions of job_history and job_attempt from last week to `weeks` weeks ahead.
-- A partition is built as a table and attached, which blocks no insert; one caller at a time, and none beside migrate, by a lock that no stranger can
-- hold; lock time-out 100 ms: a call that can't have its locks changes nothing, and the next one tries again.
-- Returns the number of partitions made.
create or replace function forgeq.ensure_partitions(weeks int default 8, at timestamptz default null)
returns int
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '100ms'
as $$
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  parent text;
  week timestamptz;
  part text;
  made int := 0;
begin
  if weeks is null or weeks not between 0 and 52 then
    raise exception 'forgeq: partitions are made 0 to 52 weeks ahead' using errcode = 'FQ003';
  end if;
  begin
    lock table forgeq.migration in share update exclusive mode nowait;
  exception when lock_not_available then
    return 0;
  end;
  for i in -1 .. weeks loop
    week := date_trunc('week', now_at at time zone 'UTC') at time zone 'UTC' + make_interval(days => 7 * i);
    foreach parent in array array['job_history', 'job_attempt'] loop
      part := parent || '_' || to_char(week at time zone 'UTC', 'YYYYMMDD');
      if to_regclass('forgeq.' || part) is null then
        execute format('create table forgeq.%I (like forgeq.%I including all)', part, parent);
        execute format('alter table forgeq.%I attach partition forgeq.%I for values from (%L) to (%L)',
                       parent, part, week, week + interval '7 days');
        made := made + 1;
      end if;
    end loop;
  end loop;
  return made;
end
$$;
