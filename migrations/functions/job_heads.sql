-- The first free job of each queue and priority that has one: one skip scan over job_due, a few buffers for each. Internal.
create or replace function forgeq.job_heads()
returns table (queue text, priority smallint, run_at timestamptz)
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
  with recursive head as (
    (select j.queue, j.priority, j.run_at from forgeq.job j where j.claim_id is null order by j.queue, j.priority, j.run_at limit 1)
    union all
    select following.queue, following.priority, following.run_at
    from head
    cross join lateral (
      select j.queue, j.priority, j.run_at from forgeq.job j
      where (j.queue, j.priority) > (head.queue, head.priority) and j.claim_id is null
      order by j.queue, j.priority, j.run_at limit 1) following)
  select h.queue, h.priority, h.run_at from head h
$$;
