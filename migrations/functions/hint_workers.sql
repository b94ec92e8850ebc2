-- Tells workers that listen that jobs of this queue are due, with the commit of the caller's transaction, where that may notify; see lib/db/protocol/listen.ts.
-- Internal.
create or replace function forgeq.hint_workers(queue text)
returns boolean
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
begin
  if not forgeq.may_notify() then
    return false;
  end if;
  perform pg_notify('forgeq_wake', json_build_object('seconds', 0, 'queue', queue)::text);
  return true;
end
$$;
