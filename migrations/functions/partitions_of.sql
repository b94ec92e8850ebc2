-- The partitions of job_history or job_attempt with their bounds. Internal.
create or replace function forgeq.partitions_of(parent text)
returns table (name text, from_at timestamptz, to_at timestamptz)
language plpgsql stable
as $$
begin
  return query
  select c.relname::text, b.from_at, b.to_at
  from pg_catalog.pg_inherits i
  join pg_catalog.pg_class c on c.oid = i.inhrelid
  cross join lateral forgeq.partition_bounds(c.oid) b
  where i.inhparent = ('forgeq.' || parent)::regclass;
end
$$;
