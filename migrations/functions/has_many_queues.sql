-- Are there more queues than one take visits? Then due queues are looked for, and only those are visited. Internal.
create or replace function forgeq.has_many_queues()
returns boolean
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set jit = off
as $$
  select exists (select from forgeq.queue q order by q.name offset 64)
$$;
