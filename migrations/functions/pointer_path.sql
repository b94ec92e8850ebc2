-- The path that a JSON pointer (RFC 6901) names, as the operator #>> takes it. Internal.
create or replace function forgeq.pointer_path(pointer text)
returns text[]
language sql immutable
as $$
  select array(
    select replace(replace(u.name, '~1', '/'), '~0', '~')
    from unnest((string_to_array(pointer, '/'))[2:]) with ordinality as u(name, n)
    order by u.n)
$$;
