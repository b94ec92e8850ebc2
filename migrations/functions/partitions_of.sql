-- The partitions of job_history or job_attempt with their bounds, which weeks and months alike have in the catalog only. Internal.
create or replace function forgeq.partitions_of(parent text)
returns table (name text, from_at timestamptz, to_at timestamptz)
language sql stable
as $$
  select c.relname::text, b.bounds[1]::timestamptz, b.bounds[2]::timestamptz
  from pg_catalog.pg_inherits i
  join pg_catalog.pg_class c on c.oid = i.inhrelid
  cross join lateral (
    select regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \(''(.*)''\) TO \(''(.*)''\)$') as bounds) b
  where i.inhparent = ('forgeq.' || parent)::regclass
$$;
