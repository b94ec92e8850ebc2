-- Who works: workers that listen, with what they offer, and whatever else holds leases that have begun, such as an invocation of a handler. At most
-- max_workers, those with most jobs first. Null types or queues are all; of a worker that offers more, that part is shown.
create or replace function forgeq.list_workers(types text[], queues text[], max_workers int, at timestamptz default null)
returns table (id uuid, invocation text, listening boolean, queues_offered text[], types_offered text[], offers_until timestamptz, leases int, jobs int,
  since timestamptz)
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
  with begun as (
    select o.invocation, count(*)::int as leases, sum(o.open_jobs)::int as jobs, min(o.began_at) as since, array_agg(distinct o.type) as types
    from (
      select l.invocation, l.open_jobs, l.began_at, l.type, l.queue from forgeq.lease l
      where l.id >= (select m.open_from from forgeq.metric_state m)
      union all
      select l.invocation, l.open_jobs, l.began_at, l.type, l.queue from forgeq.lease l
      where l.id = any ((select m.open_before from forgeq.metric_state m)::uuid[])) o
    where o.began_at is not null
      and (list_workers.types is null or o.type = any (list_workers.types)) and (list_workers.queues is null or o.queue = any (list_workers.queues))
    group by o.invocation),
  offers as (
    select w.worker, w.invocation, w.until, w.queues is null as all_queues,
           array(select u.name from unnest(w.queues) as u(name) where list_workers.queues is null or u.name = any (list_workers.queues)) as queues,
           array(select u.name from unnest(w.types) as u(name) where list_workers.types is null or u.name = any (list_workers.types)) as types
    from forgeq.worker_capacity w
    where w.until > coalesce(forgeq.as_owner(list_workers.at), clock_timestamp()))
  select o.worker, coalesce(o.invocation, b.invocation), o.worker is not null, case when o.all_queues then list_workers.queues else o.queues end,
         coalesce(o.types, b.types), o.until, coalesce(b.leases, 0), coalesce(b.jobs, 0), b.since
  from begun b
  full join offers o on o.invocation = b.invocation
  where o.worker is null or o.types <> '{}' and (o.all_queues or o.queues <> '{}')
  order by coalesce(b.jobs, 0) desc, coalesce(o.worker::text, b.invocation)
  -- The instant of a stranger is refused, also where nobody offers anything and the condition above is not looked at.
  limit case when forgeq.as_owner(list_workers.at) is null then max_workers else max_workers end
$$;
