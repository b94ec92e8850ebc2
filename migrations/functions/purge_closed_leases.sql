-- Deletes up to max_rows closed leases that closed more than ten minutes before now_at and that metric_fold has counted; gives their number. Internal.
--
-- Goes on in the order of transactions where the last call ended (`purged_before`): under a long snapshot the index keeps what was deleted before. Transactions
-- before that point that were under way, or that have a lease younger than ten minutes, are in `left_behind` and are looked up one by one.
-- Lock order: metric_state (skip locked: somebody else folds or purges, and this call does nothing), the closed leases.
create or replace function forgeq.purge_closed_leases(max_rows int, now_at timestamptz)
returns int
language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  state record;
  seen record;
begin
  -- In the order in which they closed, nearly always: where none of the first ten is due, the others are not, or will be found in ten minutes.
  select m.snap, m.purged_before, m.left_behind into state from forgeq.metric_state m;
  if state.left_behind = '{}' and not exists (
      select from (
        select l.xid, l.closed_at from forgeq.lease_closed l
        where l.xid >= state.purged_before and l.xid < pg_snapshot_xmax(state.snap) order by l.xid limit 10) c
      where (c.closed_at < now_at - interval '10 minutes' or c.closed_at > now_at + interval '10 minutes') and pg_visible_in_snapshot(c.xid, state.snap)) then
    return 0;
  end if;
  select m.snap, m.purged_before, m.left_behind into state from forgeq.metric_state m for update skip locked;
  if not found then
    return 0;
  end if;
  with found as materialized (
    select c.place, c.xid,
           -- One that is closed in the future was closed before the clock went back, and would hold up the others.
           (c.closed_at < now_at - interval '10 minutes' or c.closed_at > now_at + interval '10 minutes') and pg_visible_in_snapshot(c.xid, state.snap) as due
    from (
      select l.ctid as place, l.xid, l.closed_at from forgeq.lease_closed l where l.xid = any (state.left_behind)
      union all
      (select l.ctid, l.xid, l.closed_at from forgeq.lease_closed l
       where l.xid >= state.purged_before and l.xid < pg_snapshot_xmax(state.snap)
       order by l.xid limit max_rows)) c)
  select coalesce(array_agg(f.place) filter (where f.due), '{}') as due, coalesce(max(f.xid) filter (where f.due), '0') as last_due,
         coalesce(array_agg(distinct f.xid) filter (where not f.due), '{}') as kept
  into seen
  from found f;
  delete from forgeq.lease_closed l where l.ctid = any (seen.due);

  update forgeq.metric_state m
  set purged_before = p.xid,
      left_behind = array(
        select u.xid from (select unnest(seen.kept) union select pg_snapshot_xip(state.snap)) as u(xid) where u.xid < p.xid)
  from (select greatest(seen.last_due, state.purged_before) as xid) p
  where cardinality(seen.due) > 0 or cardinality(state.left_behind) > 0;
  return cardinality(seen.due);
end
$$;
