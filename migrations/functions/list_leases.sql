-- Open leases, the oldest first, as many as max_leases with an id above `after`. Null types or queues are all. Read from the mark on that metric_open keeps:
-- one that became visible more than 15 seconds after its id was made may be missing, for ten minutes at most.
create or replace function forgeq.list_leases(types text[], queues text[], after uuid, max_leases int)
returns table (id uuid, queue text, type text, jobs int, job_ids uuid[], created_at timestamptz, began_at timestamptz, expires_at timestamptz,
  invocation text, cancel_requested uuid[], progress jsonb)
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
  with mark as (
    select m.open_from, m.open_before, coalesce(list_leases.after, '00000000-0000-0000-0000-000000000000') as after from forgeq.metric_state m)
  select o.id, o.queue, o.type, o.open_jobs,
         array(select u.id from unnest(o.job_ids) with ordinality as u(id, n) where not o.outcomes ? u.id::text order by u.n limit 100),
         o.created_at, o.began_at, o.expires_at, o.invocation, coalesce(o.cancel_requested, '{}'), o.progress
  from (
    (select l.* from forgeq.lease l
     where l.id > (select greatest(m.after, m.open_from) from mark m)
       and (list_leases.types is null or l.type = any (list_leases.types)) and (list_leases.queues is null or l.queue = any (list_leases.queues))
     order by l.id limit max_leases)
    union all
    (select l.* from forgeq.lease l
     where l.id = any ((select m.open_before || m.open_from from mark m)::uuid[]) and l.id > (select m.after from mark m)
       and (list_leases.types is null or l.type = any (list_leases.types)) and (list_leases.queues is null or l.queue = any (list_leases.queues)))) o
  order by o.id
  limit max_leases
$$;
