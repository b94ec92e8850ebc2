-- The condition, as text of SQL, by which an index answers a search by payload, null where none does: the filter names one type, whose declared search has
-- one of the paths, and the index is whole in every partition. An entry has 200 characters of a value. Internal: find_finished asks it.
create or replace function forgeq.search_index(filter jsonb)
returns text
language plpgsql stable
as $$
begin
  return (
  select format('h.type = %L and left(forgeq.payload_text(h.payload, %L::text[]), 200) = %L', t.type, p.path, left(p.value, 200))
  from jsonb_to_recordset(filter -> 'payload') as p(path text[], value text)
  join forgeq.job_type t on jsonb_array_length(filter -> 'types') = 1 and t.type = filter -> 'types' ->> 0
  cross join lateral unnest(t.search) as s(pointer)
  join pg_catalog.pg_index i on i.indexrelid = to_regclass('forgeq.' || forgeq.search_index_name(t.type, s.pointer)) and i.indisvalid
  where p.path = forgeq.pointer_path(s.pointer)
  limit 1);
end
$$;
