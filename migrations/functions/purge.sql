-- Forgets what is past its retention: drops whole partitions after the longest retention of any queue, deletes up to
-- max_rows finished jobs of queues that keep less (see purge_queues), closed leases after ten minutes, and answers of the HTTP API
-- after a day. Lock time-out 100 ms: what can't be
-- locked now goes at a later tick. A call that drops partitions does nothing else, because it holds up everybody who
-- settles until it commits. `more`: another call may find work immediately.
create or replace function forgeq.purge(max_rows int default 5000, at timestamptz default null)
returns table (partitions int, jobs int, leases int, more boolean)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_indexonlyscan = off set plan_cache_mode = force_generic_plan set jit = off
  set lock_timeout = '100ms'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  longest int := (select coalesce(max(retention_days), 30) from forgeq.queue);
  keep_from timestamptz := now_at - make_interval(days => longest);
  part record;
begin
  partitions := 0;
  jobs := 0;
  leases := 0;
  -- By their names, which tell when they begin: of those that are to stay no more than a month's are looked up.
  for part in
    select c.relname::text as name
    from (values ('job_history_'), ('job_attempt_')) as p(prefix)
    cross join lateral (
      select oid, relname from pg_catalog.pg_class
      where relname >= p.prefix::name and relname <= (p.prefix || to_char(keep_from at time zone 'UTC' - interval '7 days', 'YYYYMMDD'))::name
        and relnamespace = 'forgeq'::regnamespace and relispartition and relkind = 'r' offset 0) c
    where (forgeq.partition_bounds(c.oid)).to_at <= keep_from
  loop
    begin
      execute format('drop table forgeq.%I', part.name);
      partitions := partitions + 1;
    exception when lock_not_available then
      null;
    end;
  end loop;
  if partitions > 0 then
    more := true;
    return next;
    return;
  end if;
  select p.jobs, p.more into jobs, more from forgeq.purge_queues(max_rows, longest, now_at) p;
  leases := forgeq.purge_closed_leases(max_rows, now_at);
  more := more or leases >= max_rows or forgeq.purge_idempotency(max_rows, now_at) >= max_rows;
  return next;
end
$$;
