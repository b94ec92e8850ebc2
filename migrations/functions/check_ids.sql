-- Refuses, with FQ007, jobs whose id a caller gave and which is no UUID of version 7 made between 30 days ago and an hour ahead, by the database's clock:
-- lists are in the order of ids, and whoever looks for a job by its id reads no partition that is older than the id. Internal: for enqueue_many.
create or replace function forgeq.check_ids(jobs jsonb, now_at timestamptz)
returns void
language plpgsql
as $$
declare
  bad record;
begin
  select i.n - 1 as index, i.id into bad
  from rows from (jsonb_to_recordset(jobs) as (id uuid)) with ordinality as i(id, n)
  where i.id::text !~ '^.{14}7.{4}[89ab]' or forgeq.id_time(i.id) not between now_at - interval '30 days' and now_at + interval '1 hour'
  order by i.n
  limit 1;
  if found then
    raise exception 'the id % is not a UUID of version 7 made between 30 days ago and an hour ahead: forgeq.id_of(key, made_at) makes one', bad.id
      using errcode = 'FQ007', detail = json_build_object('index', bad.index);
  end if;
end
$$;
