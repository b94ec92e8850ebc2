-- Folds what was counted since the last fold into metric_total; false when another caller is at it, or at the purge of closed leases. Readers see the same
-- numbers before and after.
--
-- Closed leases: those of all transactions that have committed since the last fold, told by the two folds' snapshots. So each is folded once and none is
-- missed, however late it commits, and a transaction that stays open keeps nobody else's back. Enqueues: the sides of the deltas that writers have left, each
-- under a lock; a side that can't be locked stays for a later fold.
-- Lock order: metric_state (skip locked), the deltas, series, totals.
create or replace function forgeq.metric_fold(at timestamptz default null)
returns boolean
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set max_parallel_workers_per_gather = 0 set jit = off
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  state forgeq.metric_state;
  sides record;
  until pg_snapshot;
  sums jsonb;
begin
  select m.* into state from forgeq.metric_state m for update skip locked;
  if not found then
    return false;
  end if;
  -- Restored from a dump into another cluster, whose transactions count from the beginning: what is unfolded becomes this
  -- transaction's, what is folded older than all, and the next fold goes on.
  if pg_snapshot_xmax(state.snap) > pg_snapshot_xmax(pg_current_snapshot()) then
    update forgeq.lease_closed c
    set xid = case when pg_visible_in_snapshot(c.xid, state.snap) then '0' else pg_current_xact_id() end
    where not pg_visible_in_snapshot(c.xid, state.snap) or c.closed_at <= state.folded_at;
    update forgeq.metric_state m set snap = '1:1:', purged_before = '0', left_behind = '{}';
    return true;
  end if;
  select * into sides from forgeq.metric_lock_sides(state.active);

  -- One statement, one snapshot: the boundary and what lies before it.
  select b.snap, (
    select coalesce(jsonb_agg(n), '[]')
    from (
      select e.queue, e.type, e.name, e.value, false as is_late from forgeq.metric_ends(state.snap, b.snap) e
      union all
      select s.queue, s.type, k.name, sum(d.jobs), true
      from (select m.series, m.kind, sum(m.jobs) as jobs from forgeq.metric_deltas m where m.side = any (sides.filled) group by m.series, m.kind) d
      join forgeq.metric_series s on s.id = d.series
      join (values ('e'::"char", 'enqueued'), ('r', 'retried'), ('c', 'finished_cancelled'), ('m', 'ended_lease_expired')) as k(kind, name)
        on k.kind = d.kind
      group by 1, 2, 3) n)
  into until, sums
  from (select forgeq.metric_snapshot() as snap offset 0) b;
  insert into forgeq.metric_series (queue, type)
  select distinct n.queue, n.type from jsonb_to_recordset(sums) as n(queue text, type text)
  where not exists (select from forgeq.metric_series s where s.queue = n.queue and s.type = n.type)
  on conflict do nothing;
  insert into forgeq.metric_total as t (series, name, value)
  select s.id, n.name, sum(n.value)
  from jsonb_to_recordset(sums) as n(queue text, type text, name text, value bigint)
  join forgeq.metric_series s on s.queue = n.queue and s.type = n.type
  group by 1, 2
  on conflict (series, name) do update set value = t.value + excluded.value;
  perform forgeq.keep_periods(sums, state.folded_before, state.folded_at, now_at);
  for side in 0 .. 7 loop
    if side = any (sides.filled) then
      execute format('truncate forgeq.metric_delta_%s', side);
    end if;
  end loop;
  update forgeq.metric_state m set snap = until, folded_at = now_at, folded_before = state.folded_at, active = sides.next;
  perform forgeq.metric_open(state);

  perform forgeq.sample_queues(now_at);
  if exists (select from forgeq.queue q where q.max_pending is not null) then
    perform forgeq.recount_waiting();
  end if;
  return true;
end
$$;
