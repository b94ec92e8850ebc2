-- The open leases: all that somebody may wait for, or has to take back. Internal.
--
-- A long transaction keeps dead leases in the table, so a large table is read from the mark that earliest_expiry keeps, and by the ids that the mark names. A
-- lease below the mark is not seen before the next look at the whole table, ten minutes later at most: one that was committed more than five seconds after its
-- id was made, or whose id comes from a producer whose clock is that far behind.
create or replace function forgeq.open_leases()
returns table (id uuid, queue text, type text, claim_id uuid, created_at timestamptz, expires_at timestamptz, begun_by uuid)
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  least uuid := '00000000-0000-0000-0000-000000000000';
  named uuid[];
begin
  -- 300 pages are read as fast as a mark's leases.
  if pg_relation_size('forgeq.lease') > 300 * 8192 then
    select forgeq.least_id(m.low), m.open into least, named from forgeq.lease_mark m where m.queue = '' order by m.n desc limit 1;
  end if;
  return query
  select l.id, l.queue, l.type, l.claim_id, l.created_at, l.expires_at, l.begun_by
  from forgeq.lease l
  where l.id >= coalesce(least, '00000000-0000-0000-0000-000000000000');
  if named <> '{}' then
    return query
    select l.id, l.queue, l.type, l.claim_id, l.created_at, l.expires_at, l.begun_by
    from forgeq.lease l
    where l.id = any (named) and l.id < least;
  end if;
end
$$;
