-- Takes the unique keys of new jobs, items of enqueue_many, in the order of the keys. A key that a live job holds already makes that job, whatever its payload,
-- the one that was asked for; FQ005 where the item's on_conflict is 'reject'. Gives `existing`, {id asked for: id of the job that was there already}, with
-- those added. Internal.
create or replace function forgeq.take_unique_keys(jobs jsonb, existing jsonb)
returns jsonb
language plpgsql
as $$
#variable_conflict use_column
declare
  item record;
  holder uuid;
begin
  for item in
    select i.id, i.type, i.payload, i.unique_key, i.on_conflict
    from rows from (jsonb_to_recordset(jobs) as (id uuid, type text, payload jsonb, unique_key text, on_conflict text)) with ordinality
      as i(id, type, payload, unique_key, on_conflict, n)
    where i.unique_key is not null and not existing ? i.id::text
    order by i.type, i.unique_key, i.n
  loop
    -- A holder that ends in this moment frees its key: take it then.
    loop
      insert into forgeq.unique_key (type, key, job_id) values (item.type, item.unique_key, item.id) on conflict do nothing;
      exit when found;
      select k.job_id into holder from forgeq.unique_key k where k.type = item.type and k.key = item.unique_key;
      if found then
        -- One id twice in this call: the caller stores it, and compares.
        exit when holder = item.id and not exists (select from forgeq.job j where j.id = holder);
        if holder = item.id then
          perform forgeq.check_same_job(item.id, item.id, item.type, item.payload, item.unique_key);
        elsif item.on_conflict = 'reject' then
          raise exception 'job % holds this unique key', holder
            using errcode = 'FQ005', detail = json_build_object('requested_id', item.id, 'holder_id', holder);
        end if;
        existing := existing || jsonb_build_object(item.id, holder);
        exit;
      end if;
    end loop;
  end loop;
  return existing;
end
$$;
