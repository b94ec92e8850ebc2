-- The instant in an id, which is a UUID of version 7: its first 48 bits are Unix milliseconds. Internal.
create or replace function forgeq.id_time(id uuid) returns timestamptz
language sql immutable parallel safe
as $$
  select to_timestamp(('x' || left(translate(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
$$;
