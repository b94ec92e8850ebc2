-- Refuses jobs with a value that no job may have, however it came: what a caller of SQL stores is answered over HTTP, printed, and run. FQ003, or FQ008 where
-- the payload is too large: over 256 KiB of JSON without spaces. The detail has the index from 0, and the field. Internal: for enqueue_many, where jobs come
-- from elsewhere than ForgeQ's own code, which has checked them. `jobs`: a list of objects, as enqueue_many takes them.
create or replace function forgeq.check_values(jobs jsonb)
returns void
language plpgsql
as $$
declare
  most constant int := 256 * 1024;
  -- Strict, because a list is not taken apart for the filter then.
  too_deep constant jsonpath := 'strict $.**{64} ? (@.type() == "object" || @.type() == "array")';
  bad record;
begin
  select c.n - 1 as index, c.fault[1] as field, c.fault[2] as message into bad
  from (
    select e.n,
           case when coalesce(jsonb_typeof(e.job -> 'payload'), 'null') = 'null' then array['payload', 'is required, and must not be null']
                when octet_length(e.job ->> 'payload') > most and octet_length(forgeq.without_spaces(e.job ->> 'payload')) > most
                  then array['payload', 'must have 256 KiB at most']
                when jsonb_path_exists(e.job -> 'payload', too_deep)
                  then array['payload', 'is nested deeper than 64 levels']
                when jsonb_typeof(e.job -> 'metadata') not in ('object', 'null') then array['metadata', 'must be an object']
                when octet_length(e.job ->> 'metadata') > 16384 and octet_length(forgeq.without_spaces(e.job ->> 'metadata')) > 16384
                  then array['metadata', 'must have 16 KiB at most']
                when jsonb_path_exists(e.job -> 'metadata', too_deep)
                  then array['metadata', 'is nested deeper than 64 levels']
                when length(e.job ->> 'unique_key') not between 1 and 200 then array['unique_key', 'must have 1 to 200 characters']
                when forgeq.has_controls(e.job ->> 'unique_key') then array['unique_key', 'must not have control characters']
                when e.job ->> 'on_conflict' not in ('existing', 'reject') then array['on_conflict', 'must be existing or reject']
                when e.job ->> 'on_conflict' is not null and e.job ->> 'unique_key' is null then array['on_conflict', 'needs a unique_key']
                when (e.job ->> 'depth')::numeric not between 0 and 64 then array['depth', 'must be 0 to 64']
                when e.job ->> 'traceparent' !~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'
                  then array['traceparent', 'must be a W3C traceparent of version 00']
           end as fault
    from jsonb_array_elements(jobs) with ordinality as e(job, n)) c
  where c.fault is not null
  order by c.n
  limit 1;
  if found then
    raise exception '% %', bad.field, bad.message
      using errcode = case when bad.message = 'must have 256 KiB at most' then 'FQ008' else 'FQ003' end,
            detail = json_build_object('index', bad.index,
              'errors', json_build_array(json_build_object('pointer', '/' || bad.field, 'message', bad.message)));
  end if;
end
$$;
