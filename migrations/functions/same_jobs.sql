-- {id: id} of those items of enqueue_many whose id is one of `ids`: jobs that were there before. Each has to be the same job, see check_same_job. Internal.
create or replace function forgeq.same_jobs(jobs jsonb, ids uuid[])
returns jsonb
language plpgsql
as $$
#variable_conflict use_column
declare
  item record;
  existing jsonb := '{}';
begin
  for item in
    select i.id, i.type, i.payload, i.unique_key
    from jsonb_to_recordset(jobs) as i(id uuid, type text, payload jsonb, unique_key text)
    where i.id = any (ids)
  loop
    perform forgeq.check_same_job(item.id, item.id, item.type, item.payload, item.unique_key);
    existing := existing || jsonb_build_object(item.id, item.id);
  end loop;
  return existing;
end
$$;
