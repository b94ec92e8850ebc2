-- Refuses jobs whose time has no end, with FQ003: a run_at or delay_seconds must be finite and at most ten years ahead. A past instant is due. Internal:
-- enqueue_many and enqueue_lines call it for jobs that have one of the two. `jobs`: a list of objects, as enqueue_many takes them.
create or replace function forgeq.check_instants(jobs jsonb, now_at timestamptz)
returns void
language plpgsql
as $$
declare
  ten_years constant double precision := 315576000;
  bad record;
begin
  begin
    select i.n - 1 as index, case when i.run_at > '-infinity' and i.run_at <= now_at + interval '10 years' then 'delay_seconds' else 'run_at' end as field
    into bad
    from (
      select e.n, coalesce((e.job ->> 'run_at')::timestamptz, now_at) as run_at, coalesce((e.job ->> 'delay_seconds')::double precision, 0) as delay_seconds
      from jsonb_array_elements(jobs) with ordinality as e(job, n)) i
    where not (i.run_at > '-infinity' and i.run_at <= now_at + interval '10 years' and i.delay_seconds between -ten_years and ten_years)
    order by i.n
    limit 1;
  exception when data_exception then
    raise exception 'run_at or delay_seconds can''t be read: %', sqlerrm using errcode = 'FQ003';
  end;
  if bad.index is not null then
    raise exception '% must be finite and at most ten years ahead', bad.field
      using errcode = 'FQ003', detail = json_build_object('index', bad.index,
        'errors', json_build_array(json_build_object('pointer', '/' || bad.field, 'message', 'must be finite and at most ten years ahead')));
  end if;
end
$$;
