-- The queues that a dispatcher of this owner claims from: all that it serves and that are not paused, or, where there are more than 64, those that have due
-- jobs.
create or replace function forgeq.dispatchable_queues(at timestamptz default null, owner text default null)
returns text[]
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set jit = off set lock_timeout = '4s'
as $$
begin
  at := coalesce(forgeq.as_owner(at), clock_timestamp());
  if forgeq.has_many_queues() then
    return forgeq.due_queues(at, owner);
  end if;
  return array(
    select q.name
    from forgeq.queue q
    where (not q.paused or q.paused_until <= at) and forgeq.is_served(q.owner, dispatchable_queues.owner)
    order by q.name);
end
$$;
