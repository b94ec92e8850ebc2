-- Folds what was counted since the last fold into metric_total; false when another caller is at it. Readers see the same numbers
-- before and after.
--
-- Closed leases: those of all transactions that had ended at this statement's snapshot, by their xid, so each is folded once and
-- none is missed, however late it commits. Enqueues: the delta that writers left at the last fold, under a lock that waits for
-- the last of them at most 100 ms; not to be had, it stays for the next fold.
-- Lock order: metric_state (skip locked), the delta, series, totals.
create or replace function forgeq.metric_fold(at timestamptz default null)
returns boolean
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set max_parallel_workers_per_gather = 0 set jit = off
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  state forgeq.metric_state;
  idle text;
  before xid8;
  sums jsonb;
  callers_lock_timeout constant text := current_setting('lock_timeout');
begin
  select m.* into state from forgeq.metric_state m for update skip locked;
  if not found then
    return false;
  end if;
  -- Restored from a dump into another cluster, whose transactions count from the beginning: what is unfolded becomes this
  -- transaction's, what is folded older than all, and the next fold goes on.
  if state.folded_before > pg_snapshot_xmax(pg_current_snapshot()) then
    update forgeq.lease_closed c
    set xid = case when c.xid >= state.folded_before then pg_current_xact_id() else '0' end
    where c.xid >= state.folded_before or c.closed_at <= state.folded_at;
    update forgeq.metric_state m set folded_before = '1';
    return true;
  end if;
  idle := 'metric_delta_' || 1 - state.active;
  perform set_config('lock_timeout', '100ms', true);
  begin
    execute format('lock table forgeq.%I in access exclusive mode', idle);
  exception when lock_not_available then
    idle := null;
  end;
  perform set_config('lock_timeout', callers_lock_timeout, true);

  -- One statement, one snapshot: the boundary and what lies before it.
  select b.xid, coalesce(jsonb_agg(n) filter (where n.queue is not null), '[]') into before, sums
  from (select pg_snapshot_xmin(pg_current_snapshot()) as xid offset 0) b
  left join lateral (
    select e.queue, e.type, e.name, e.value from forgeq.metric_ends(state.folded_before, b.xid) e
    union all
    select s.queue, s.type, k.name, sum(d.jobs)
    from (select series, kind, jobs from forgeq.metric_delta_0 where idle = 'metric_delta_0'
          union all
          select series, kind, jobs from forgeq.metric_delta_1 where idle = 'metric_delta_1') d
    join forgeq.metric_series s on s.id = d.series
    join (values ('e'::"char", 'enqueued'), ('r', 'retried'), ('c', 'finished_cancelled'), ('m', 'ended_lease_expired')) as k(kind, name)
      on k.kind = d.kind
    group by 1, 2, 3) n on true
  group by b.xid;
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
  if idle is not null then
    execute format('truncate forgeq.%I', idle);
  end if;
  update forgeq.metric_state m
  set folded_before = before, folded_at = now_at, active = case when idle is null then m.active else 1 - m.active end;

  delete from forgeq.metric_sample s where s.at < now_at - interval '1 hour';
  insert into forgeq.metric_sample (at, queue, enqueued, completed, failed, dead)
  select now_at, q.name,
         coalesce(sum(n.value) filter (where n.name in ('enqueued', 'retried')), 0),
         coalesce(sum(n.value) filter (where n.name = 'finished_completed'), 0),
         coalesce(sum(n.value) filter (where n.name in ('ended_retry', 'ended_dead', 'ended_timed_out', 'ended_lease_expired')), 0),
         coalesce(sum(n.value) filter (where n.name = 'finished_dead'), 0)
  from forgeq.queue q
  left join forgeq.metric_now n on n.queue = q.name
  group by q.name
  on conflict (queue, at) do update
  set enqueued = excluded.enqueued, completed = excluded.completed, failed = excluded.failed, dead = excluded.dead;
  return true;
end
$$;
