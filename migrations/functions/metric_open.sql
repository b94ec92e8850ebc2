-- Where the open leases begin, for counted_lease: those with an id of more than 15 seconds ago are named, at most 100, and the others lie from `open_from` on.
-- Internal: metric_fold calls it with metric_state locked. Ids come from the real clock, whatever the time of a test; 15 seconds are for clocks that differ
-- and for transactions that commit late. Every ten minutes the whole table is read, and what was missed is named.
create or replace function forgeq.metric_open(state forgeq.metric_state)
returns void
language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  now_at constant timestamptz := clock_timestamp();
  recent constant uuid := lpad(to_hex((extract(epoch from now_at) * 1000)::bigint - 15000), 12, '0') || repeat('0', 20);
  see_all constant boolean := abs(extract(epoch from now_at - state.all_seen_at)) >= 600;
  old uuid[];
begin
  if see_all then
    old := array(select l.id from forgeq.lease l where l.id < recent order by l.id limit 101);
  else
    old := array(select l.id from forgeq.counted_lease l where l.id < recent order by l.id limit 101);
  end if;
  update forgeq.metric_state m
  set open_from = coalesce(old[101], recent), open_before = old[1:100], all_seen_at = case when see_all then now_at else m.all_seen_at end;
end
$$;
