-- {id: id} of the items of enqueue_many whose jobs have completed in the last ten minutes and are not kept. Internal. FQ004 where one was of another type; a
-- payload no longer kept counts as the same.
create or replace function forgeq.existing_completed(jobs jsonb, now_at timestamptz)
returns jsonb
language plpgsql
as $$
declare
  existing jsonb := '{}';
  item record;
begin
  for item in
    select c.id, c.type, i.type as asked
    from forgeq.completed_lately(array(select j.id from jsonb_to_recordset(jobs) as j(id uuid)), now_at) c
    join jsonb_to_recordset(jobs) as i(id uuid, type text) on i.id = c.id
  loop
    if item.type <> item.asked then
      raise exception 'this id is job %, which is another one', item.id
        using errcode = 'FQ004', detail = json_build_object('requested_id', item.id, 'id', item.id);
    end if;
    existing := existing || jsonb_build_object(item.id, item.id);
  end loop;
  return existing;
end
$$;
