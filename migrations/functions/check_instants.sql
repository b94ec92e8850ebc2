-- Refuses jobs whose time has no end, with FQ003: a run_at or delay_seconds must be finite and at most ten years ahead. A past instant is due. A start_before
-- must be finite, too, and after the instant at which the job falls due, where that is given. Internal: enqueue_many and enqueue_lines call it for jobs that
-- have one of them. `jobs`: a list of objects, as enqueue_many takes them.
create or replace function forgeq.check_instants(jobs jsonb, now_at timestamptz)
returns void
language plpgsql
as $$
declare
  ten_years constant double precision := 315576000;
  bad record;
  message text := 'must be finite and at most ten years ahead';
begin
  begin
    select i.n - 1 as index,
           case when not (i.run_at > '-infinity' and i.run_at <= now_at + interval '10 years') then 'run_at'
                when i.delay_seconds not between -ten_years and ten_years then 'delay_seconds' else 'start_before' end as field,
           isfinite(i.start_before) as early
    into bad
    from (
      select e.n, coalesce((e.job ->> 'run_at')::timestamptz, now_at) as run_at, coalesce((e.job ->> 'delay_seconds')::double precision, 0) as delay_seconds,
             e.job ? 'run_at' or e.job ? 'delay_seconds' as placed, (e.job ->> 'start_before')::timestamptz as start_before
      from jsonb_array_elements(jobs) with ordinality as e(job, n)) i
    where not case when i.run_at > '-infinity' and i.run_at <= now_at + interval '10 years' and i.delay_seconds between -ten_years and ten_years
      then isfinite(i.start_before) is not false and (i.placed and i.start_before <= i.run_at + make_interval(secs => i.delay_seconds)) is not true
      else false end
    order by i.n
    limit 1;
  exception when data_exception then
    raise exception 'run_at, delay_seconds or start_before can''t be read: %', sqlerrm using errcode = 'FQ003';
  end;
  if bad.index is not null then
    if bad.field = 'start_before' then
      message := case when bad.early then 'must be after the instant at which the job falls due' else 'must be finite' end;
    end if;
    raise exception '% %', bad.field, message
      using errcode = 'FQ003', detail = json_build_object('index', bad.index,
        'errors', json_build_array(json_build_object('pointer', '/' || bad.field, 'message', message)));
  end if;
end
$$;
