-- Raises unless the job `holder`, live or finished, may be the answer to an item of this type, payload and unique key: FQ004 when the id asked for is that of a
-- job with another type, payload or key; a payload no longer kept counts as the same. FQ005 when the holder of the key has another type or key.
-- Its payload does not matter. Internal, for enqueue_many and stored_job.
create or replace function forgeq.check_same_job(requested uuid, holder uuid, type text, payload jsonb, unique_key text)
returns void
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
#variable_conflict use_column
declare
  there record;
begin
  select j.type, j.payload::jsonb, j.unique_key into there from forgeq.job j where j.id = holder;
  if not found then
    select h.type, h.payload::jsonb, h.unique_key into there
    from forgeq.newest_life(holder, clock_timestamp()) h;
  end if;
  if not found or there.type = check_same_job.type and there.unique_key is not distinct from check_same_job.unique_key
                  and (requested <> holder or coalesce(there.payload = check_same_job.payload, true)) then
    return;
  end if;
  raise exception '% is job %, which is another one', case when requested = holder then 'this id' else 'the holder of this unique key' end, holder
    using errcode = case when requested = holder then 'FQ004' else 'FQ005' end,
          detail = json_build_object('requested_id', requested, 'id', holder);
end
$$;
