-- Types of which a job has been due for ten minutes while no lease of them was made, in queues that this owner serves (null: any) and that are neither paused
-- nor full; a blocked type is not among them. For how many seconds the oldest has been due.
--
-- Only the first free job of each queue and priority is looked at: what is served goes away from there, so what is not comes to be first. A type that has an
-- open lease is served, and one of which a lease ended lately: the last 50,000 are looked at. Few buffers where nothing has been due for so long.
create or replace function forgeq.unserved_types(at timestamptz default null, owner text default null)
returns table (queue text, type text, seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  long_ago timestamptz := now_at - interval '10 minutes';
  found_type record;
  -- Read once, where anything has been due for so long.
  served text[];
  held jsonb;
begin
  for found_type in
    with q as materialized (
      select queue.name, queue.max_in_flight from forgeq.queue where not queue.paused and forgeq.is_served(queue.owner, unserved_types.owner))
    select h.queue, j.type, min(j.run_at) as run_at, min(q.max_in_flight) as max_in_flight
    from forgeq.job_heads(long_ago, false) h
    join q on q.name = h.queue
    cross join lateral (
      select job.type, job.run_at from forgeq.job
      where job.queue = h.queue and job.priority = h.priority and job.run_at >= h.run_at and job.run_at <= long_ago and job.claim_id is null
      order by job.run_at limit 1) j
    where h.run_at <= long_ago and j.type <> all (array(select b.type from forgeq.type_block b))
    group by h.queue, j.type
    order by h.queue, j.type
  loop
    if served is null then
      held := (select jsonb_object_agg(l.queue, l.jobs) from (select l.queue, sum(l.open_jobs) as jobs from forgeq.counted_lease l group by l.queue) l);
      served := array(select distinct l.type from forgeq.open_leases() l);
      served := served || array(
        select distinct c.type from (select c.type, c.closed_at from forgeq.lease_closed c order by c.xid desc limit 50000) c where c.closed_at > long_ago);
    end if;
    continue when found_type.max_in_flight <= coalesce((held ->> found_type.queue)::bigint, 0) or found_type.type = any (served);
    queue := found_type.queue;
    type := found_type.type;
    seconds := -forgeq.bounded_seconds(found_type.run_at, now_at);
    return next;
  end loop;
end
$$;
