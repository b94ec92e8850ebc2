-- The bounds of the partitions of the history that hold [from_at, to_at): a reader that goes through them by id walks whole partitions. Where there is no
-- partition, the given instants.
create or replace function forgeq.history_bounds(from_at timestamptz, to_at timestamptz)
returns table (lower_at timestamptz, upper_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
begin
  return query
  select coalesce(min(p.from_at), history_bounds.from_at), coalesce(max(p.to_at), history_bounds.to_at)
  from forgeq.partitions_of('job_history', history_bounds.from_at, history_bounds.to_at) p;
end
$$;
