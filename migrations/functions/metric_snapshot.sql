-- The snapshot of the calling statement, with the calling transaction among those under way: what it goes on to write is not yet seen. Internal.
create or replace function forgeq.metric_snapshot()
returns pg_snapshot
language sql stable
as $$
  select case when pg_current_xact_id() >= pg_snapshot_xmax(s.snap) then s.snap
              else (pg_snapshot_xmin(s.snap) || ':' || pg_snapshot_xmax(s.snap) || ':'
                || (select string_agg(x.xid::text, ',' order by x.xid)
                    from (select pg_snapshot_xip(s.snap) union select pg_current_xact_id()) x(xid)))::pg_snapshot end
  from (select pg_current_snapshot() as snap) s
$$;
