-- The names of the queues that have a due job, are not paused, and that this owner serves (null: any), in their order. Internal. A limit is not looked at:
-- whoever comes to claim sees it.
create or replace function forgeq.due_queues(now_at timestamptz, owner text default null)
returns text[]
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
begin
  return array(
    select distinct h.queue
    from forgeq.job_heads(now_at, true) h
    where h.run_at <= now_at
      and exists (
        select from forgeq.queue q
        where q.name = h.queue and (not q.paused or q.paused_until <= now_at) and forgeq.is_served(q.owner, due_queues.owner))
    order by h.queue);
end
$$;
