-- Raises unless the job `holder`, live or finished, has this type, payload and unique key. Internal, for enqueue_many:
-- FQ004 when the id asked for is another job's, FQ005 when the unique key is. A payload no longer kept counts as the same.
-- `unstored`: the holder's payload where it is an item of the same call.
create or replace function forgeq.check_same_job(
  requested uuid, holder uuid, type text, payload jsonb, unique_key text, unstored jsonb default null)
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
  if found then
    if there.type = check_same_job.type and coalesce(there.payload = check_same_job.payload, true)
       and there.unique_key is not distinct from check_same_job.unique_key then
      return;
    end if;
  elsif coalesce(unstored = check_same_job.payload, true) then
    return;
  end if;
  raise exception '% is job %, which is another one', case when requested = holder then 'this id' else 'the holder of this unique key' end, holder
    using errcode = case when requested = holder then 'FQ004' else 'FQ005' end,
          detail = json_build_object('requested_id', requested, 'id', holder);
end
$$;
