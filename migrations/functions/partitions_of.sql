-- The partitions of job_history or job_attempt with their bounds: those that end after `since` and begin before `until`. Internal.
-- Their names say when they begin, and none is longer than a month: others are not looked at.
create or replace function forgeq.partitions_of(parent text, since timestamptz default '-infinity', until timestamptz default 'infinity')
returns table (name text, from_at timestamptz, to_at timestamptz)
language plpgsql stable
as $$
declare
  first_name name := parent || '_' || case when isfinite(since) then to_char(since at time zone 'UTC' - interval '31 days', 'YYYYMMDD') else '' end;
  last_name name := parent || '_' || case when isfinite(until) then to_char(until at time zone 'UTC', 'YYYYMMDD') else 'a' end;
begin
  return query
  select c.relname::text, b.from_at, b.to_at
  from (
    select k.oid, k.relname from pg_catalog.pg_class k
    where k.relname between first_name and last_name and k.relnamespace = 'forgeq'::regnamespace and k.relispartition and k.relkind = 'r' offset 0) c
  cross join lateral forgeq.partition_bounds(c.oid) b
  where b.to_at > since and b.from_at < until;
end
$$;
