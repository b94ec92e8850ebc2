-- The least id that can be made in this millisecond since 1970. Internal.
create or replace function forgeq.least_id(ms bigint)
returns uuid
language sql immutable
as $$
  select (lpad(to_hex(ms), 12, '0') || repeat('0', 20))::uuid
$$;
