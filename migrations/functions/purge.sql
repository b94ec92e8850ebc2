-- Forgets what is past its retention: drops whole weekly partitions after the longest retention of any queue, deletes up to
-- max_rows finished jobs of queues that keep less, and closed leases after ten minutes. Lock time-out 100 ms: what can't be
-- locked now goes at a later tick. A call that drops partitions does nothing else, because it holds up everybody who
-- settles until it commits. `more`: another call may find work immediately.
create or replace function forgeq.purge(max_rows int default 5000, at timestamptz default null)
returns table (partitions int, jobs int, leases int, more boolean)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '100ms'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  longest int := (select coalesce(max(retention_days), 30) from forgeq.queue);
  part record;
  q record;
  n int;
begin
  partitions := 0;
  jobs := 0;
  leases := 0;
  for part in
    select c.relname::text as name, p.relname::text as parent
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    join pg_catalog.pg_class p on p.oid = i.inhparent
    where p.oid in ('forgeq.job_history'::regclass, 'forgeq.job_attempt'::regclass)
  loop
    if to_date(right(part.name, 8), 'YYYYMMDD')::timestamp at time zone 'UTC' + interval '7 days' < now_at - make_interval(days => longest) then
      begin
        execute format('drop table forgeq.%I', part.name);
        partitions := partitions + 1;
      exception when lock_not_available then
        null;
      end;
    end if;
  end loop;
  if partitions > 0 then
    more := true;
    return next;
    return;
  end if;
  for q in select name, retention_days from forgeq.queue where retention_days < longest loop
    delete from forgeq.job_history
    where (tableoid, ctid) in (
      select h.tableoid, h.ctid from forgeq.job_history h
      where h.queue = q.name and h.finished_at < now_at - make_interval(days => q.retention_days)
      limit max_rows - jobs);
    get diagnostics n = row_count;
    jobs := jobs + n;
  end loop;
  -- The oldest, but none that metric_fold has not counted.
  delete from forgeq.lease_closed
  where ctid = any (array(
    select ctid from forgeq.lease_closed
    where ctid = any (array(
      select c.ctid from (
        select ctid, closed_at from forgeq.lease_closed
        where xid < (select folded_before from forgeq.metric_state) order by xid limit max_rows) c
      where c.closed_at < now_at - interval '10 minutes'))
    for update skip locked));
  get diagnostics leases = row_count;
  more := jobs >= max_rows or leases >= max_rows;
  return next;
end
$$;
