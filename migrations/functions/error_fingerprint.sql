-- Names what an error is about, so that errors that differ in ids, numbers and lines only are one: of its name, its message and the first frame of the stack
-- that is not a library's. Null without an error. Lists find the jobs of a group by it, and error_groups makes the groups.
create or replace function forgeq.error_fingerprint(error jsonb)
returns text
language sql immutable parallel safe
as $$
  select forgeq.error_digest(forgeq.error_essence(error))
$$;
