-- How many jobs wait in a queue that has max_pending, as the caller's snapshot sees it: neither claimed nor finished, due or not. Null for other queues.
-- `n` is its newest mark, `mark` the place of that and `mine` whether this transaction has written it; `deltas` are the places of what came since. Internal.
-- Costs the same at any size, also where a transaction is held open: it reads by the newest mark, and by the transactions that its snapshot did not see.
--
-- In plpgsql because that plans its statement once a connection; stable, so that it reads by its caller's snapshot.
create or replace function forgeq.waiting_jobs(queue text, out jobs bigint, out n bigint, out mark tid, out mine boolean, out deltas tid[])
language plpgsql stable
as $$
#variable_conflict use_column
declare
  newest record;
begin
  select w.ctid as mark, w.n, w.jobs, w.xid, pg_snapshot_xmax(w.seen) as after, array(select pg_snapshot_xip(w.seen)) as under_way into newest
  from forgeq.waiting_mark w where w.queue = waiting_jobs.queue order by w.n desc limit 1;
  if found then
    select newest.jobs + coalesce(sum(d.jobs), 0), array_agg(d.place) into jobs, deltas
    from (
      select w.ctid as place, w.jobs from forgeq.waiting_delta w where w.queue = waiting_jobs.queue and w.xid >= newest.after
      union all
      select w.ctid, w.jobs from forgeq.waiting_delta w where w.queue = waiting_jobs.queue and w.xid = any (newest.under_way)) d;
    n := newest.n;
    mark := newest.mark;
    mine := newest.xid = pg_current_xact_id_if_assigned();
  end if;
end
$$;
