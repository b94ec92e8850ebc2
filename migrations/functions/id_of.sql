-- The id of a job that a caller has a name for: a UUID of version 7 whose time is `made_at`, to the millisecond, and whose other bits are a hash of both. The
-- same key and instant give the same id, here, in TypeScript (lib/core/id-of.ts) and by `forgeq id`.
--   select * from forgeq.enqueue('send_email', payload, id => forgeq.id_of('order 42', orders.created_at)) ...
-- Without a key or an instant it is an error: a job without an id would be stored once for each call.
create or replace function forgeq.id_of(key text, made_at timestamptz) returns uuid
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
declare
  ms bigint;
  hash text;
begin
  if key is null or key = '' or made_at is null or made_at < timestamptz '1970-01-01Z' or made_at >= timestamptz '10000-01-01Z' then
    raise exception 'forgeq.id_of needs a key that is not empty and an instant of the years 1970 to 9999' using errcode = '22023';
  end if;
  ms := floor(extract(epoch from made_at) * 1000);
  hash := encode(sha256(convert_to(key || ' ' || ms, 'UTF8')), 'hex');
  return (lpad(to_hex(ms), 12, '0') || '7' || left(hash, 3) || to_hex(8 | (('x' || substr(hash, 4, 1))::bit(4)::int & 3)) || substr(hash, 5, 15))::uuid;
end
$$;
