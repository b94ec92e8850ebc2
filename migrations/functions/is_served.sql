-- Does `by` serve what belongs to `owner`? What belongs to nobody is served by anybody, and who gives null serves everything: a worker, which runs what it has
-- handlers for. Internal.
create or replace function forgeq.is_served(owner text, by text)
returns boolean
language sql immutable
as $$
  select is_served.by is null or is_served.owner is null or is_served.owner = is_served.by
$$;
