-- settle, then claim, in one call and one transaction: what a worker under load uses. See both for what they guarantee.
-- Lock order: the lease, its jobs, unique keys, then the queue and jobs, both skip locked, so it waits for nobody twice.
create or replace function forgeq.settle_and_claim(
  lease_id uuid, begun_by uuid, ended jsonb,
  queue text, claim_id uuid, max_jobs int, watermarks text[] default null, blocked_types text[] default '{}',
  dispatch_seconds double precision default 90, at timestamptz default null)
returns table (settle_outcome text, jobs jsonb, wake_seconds double precision,
  outcome text, leases jsonb, next_watermarks text[], more boolean)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
#variable_conflict use_column
begin
  select s.outcome, s.jobs, s.wake_seconds into settle_outcome, jobs, wake_seconds
  from forgeq.settle(lease_id, begun_by, ended, at) s;
  select c.outcome, c.leases, c.next_watermarks, c.more into outcome, leases, next_watermarks, more
  from forgeq.claim(queue, claim_id, max_jobs, watermarks, blocked_types, dispatch_seconds, at) c;
  return next;
end
$$;
