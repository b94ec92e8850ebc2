-- Does a list of outcomes name a job twice? Internal, for settle.
create or replace function forgeq.names_twice(ended jsonb) returns boolean
language sql immutable
as $$
  select count(distinct o.id) < count(*) from jsonb_to_recordset(ended) as o(id uuid)
$$;
