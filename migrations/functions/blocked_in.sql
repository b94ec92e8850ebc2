-- Those of the blocked types that may have jobs in this queue, null where no other type has: then there is nothing to scan. Internal: pick calls it.
-- Each live job's queue and type have a series, so a type without one has no job here.
create or replace function forgeq.blocked_in(queue text, blocked_types text[])
returns text[]
language plpgsql
as $$
begin
  if exists (select from forgeq.metric_series s where s.queue = blocked_in.queue and s.type <> all (blocked_types)) then
    return array(select s.type from forgeq.metric_series s where s.queue = blocked_in.queue and s.type = any (blocked_types));
  end if;
  return null;
end
$$;
