-- Those states of a filter that are among `known`, all of them where the filter names none. Internal.
create or replace function forgeq.filter_states(filter jsonb, known text[])
returns text[]
language sql immutable
as $$
  select case when filter ? 'states' then array(select s from unnest(known) as s where filter -> 'states' ? s) else known end
$$;
