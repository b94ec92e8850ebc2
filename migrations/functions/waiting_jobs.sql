-- How many jobs wait in a queue that has max_pending, as the caller's snapshot sees it: neither claimed nor finished, due or not. Null for other queues.
-- `n` is its newest mark, `mark` the place of that and `mine` whether this transaction has written it; `deltas` are the places of what came since. Internal.
-- Costs the same at any size, also where a transaction is held open: it reads by the newest mark, and by the transactions that its snapshot did not see.
create or replace function forgeq.waiting_jobs(queue text, out jobs bigint, out n bigint, out mark tid, out mine boolean, out deltas tid[])
language sql stable
as $$
  select m.jobs + coalesce(sum(d.jobs), 0)::bigint, m.n, m.mark, m.xid = pg_current_xact_id_if_assigned(), array_agg(d.place) filter (where d.place is not null)
  from (
    select w.ctid as mark, w.n, w.jobs, w.seen, w.xid from forgeq.waiting_mark w where w.queue = waiting_jobs.queue order by w.n desc limit 1) m
  left join lateral (
    select w.ctid as place, w.jobs from forgeq.waiting_delta w where w.queue = waiting_jobs.queue and w.xid >= pg_snapshot_xmax(m.seen)
    union all
    select w.ctid, w.jobs from forgeq.waiting_delta w where w.queue = waiting_jobs.queue and w.xid = any (array(select pg_snapshot_xip(m.seen)))) d on true
  group by m.n, m.mark, m.jobs, m.xid;
$$;
