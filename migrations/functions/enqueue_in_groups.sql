-- enqueue_many, answered in the groups of enqueue_lines: a batch of a thousand jobs that were stored alike is one group. Internal: for TypeScript's callers.
-- `announce`: listening workers are told of groups that are due, see hint_workers.
create or replace function forgeq.enqueue_in_groups(jobs jsonb, fresh boolean, announce boolean, at timestamptz, own_ids boolean)
returns json
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
#variable_conflict use_column
begin
  return (select coalesce(json_agg(json_build_array(g.created, g.queue, g.priority, g.max_attempts, g.run_at, g.created_at,
           case when g.n < jsonb_array_length(jobs) or not g.created then g.requested_ids end, case when not g.created then g.ids end,
           case when announce and g.created and g.run_at <= g.created_at then forgeq.hint_workers(g.queue) end)), '[]')
  from (
    select e.created, e.queue, e.priority, e.max_attempts, e.run_at, e.created_at, count(*) as n, array_agg(e.requested_id) as requested_ids,
           array_agg(e.id) as ids
    from forgeq.enqueue_many(jobs, fresh, at, own_ids) e
    group by e.created, e.queue, e.priority, e.max_attempts, e.run_at, e.created_at) g);
end
$$;
