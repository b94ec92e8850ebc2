-- From when to when a partition of job_history or job_attempt holds rows: a week or a month, which only the catalog says. Internal.
create or replace function forgeq.partition_bounds(partition oid, out from_at timestamptz, out to_at timestamptz)
language sql stable
as $$
  select b.bounds[1]::timestamptz, b.bounds[2]::timestamptz
  from pg_catalog.pg_class c
  cross join lateral (
    select regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid), '^FOR VALUES FROM \(''(.*)''\) TO \(''(.*)''\)$') as bounds) b
  where c.oid = partition
$$;
