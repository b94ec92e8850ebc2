-- The name of the index of a type's declared search by a JSON pointer; that of a partition has the partition's name in front. Internal.
create or replace function forgeq.search_index_name(type text, pointer text)
returns text
language sql immutable
as $$
  select 'search_' || left(md5(type || ' ' || pointer), 16)
$$;
