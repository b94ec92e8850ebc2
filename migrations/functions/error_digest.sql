-- The fingerprint of what error_essence gives. Internal.
create or replace function forgeq.error_digest(essence jsonb)
returns text
language sql immutable parallel safe
as $$
  select 'fp_' || left(md5(concat_ws(E'\n', coalesce(essence ->> 'name', ''), coalesce(essence ->> 'message', ''), essence ->> 'frame')), 16)
  where essence is not null
$$;
