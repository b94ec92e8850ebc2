-- Takes due jobs of one queue and makes leases of them: one lease per type and batch, expiring after dispatch_seconds.
--
-- Guarantees: a job goes to exactly one claim; the queue's max_in_flight, as it was when the claim began, is never exceeded (a
-- claim that found none takes what it asked for, also when a first limit is set meanwhile); sent again with the same claim_id
-- it gives the leases of the first call. Never waits for a row that another caller holds.
-- Lock order: the claim's advisory lock, the queue (skip locked, limited queues only), jobs (skip locked).
--
-- watermarks: one per priority 0 to 9, as the last call on this queue returned them; null sweeps from the beginning, which
-- the caller does on its first and last scan, every 5 s, and after a type was unblocked. A watermark ahead of the clock sweeps.
-- Answers: claimed, empty, full (max_in_flight), busy (another caller is claiming), paused.
-- `more`: another call may find jobs immediately.
create or replace function forgeq.claim(
  queue text, claim_id uuid, max_jobs int, watermarks text[] default null, blocked_types text[] default '{}',
  dispatch_seconds double precision default 90, at timestamptz default null)
returns table (outcome text, leases jsonb, next_watermarks text[], more boolean)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
begin
  -- What a crash of the server forgets is due again, and its invocation finds no lease. See docs/adr/0012.
  perform set_config('synchronous_commit', 'off', true);
  return query
  select c.outcome, c.leases, c.next_watermarks, c.more
  from forgeq.claim_jobs(queue, claim_id, max_jobs, watermarks, blocked_types, dispatch_seconds, at) c;
end
$$;
