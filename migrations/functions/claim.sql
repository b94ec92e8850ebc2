-- Takes due jobs of one queue and makes leases of them: one lease per type and batch, expiring after dispatch_seconds.
--
-- Guarantees: a job goes to exactly one claim; the queue's max_in_flight, as it was when the claim began, is never exceeded (a
-- claim that found none takes what it asked for, also when a first limit is set meanwhile); sent again with the same claim_id
-- it gives the leases of the first call. Never waits for a row that another caller holds. Needs a read committed transaction.
-- Lock order: the claim's advisory lock, the queue (skip locked, limited queues only), jobs (skip locked).
--
-- watermarks: one per priority 0 to 9, as the last call on this queue returned them; null sweeps from the beginning, which
-- the caller does on its first and last scan, every 5 s, and after a type has left `blocks`. A watermark ahead of the clock sweeps.
-- continued_watermarks: see pick; for a claim that follows within a tenth of a second.
-- blocks: the types that are blocked, in whatever queue; null for none. Their jobs stay, but for one lease when a probe is due: then the claim takes nothing
-- else.
-- Answers: claimed, empty, full (max_in_flight), busy (another caller is claiming, or about to free capacity of a full queue), paused.
-- `more`: another call may find jobs immediately.
create or replace function forgeq.claim(
  queue text, claim_id uuid, max_jobs int, watermarks text[] default null, blocked_types text[] default '{}',
  dispatch_seconds double precision default 90, at timestamptz default null)
returns table (outcome text, leases jsonb, next_watermarks text[], continued_watermarks text[], more boolean, blocks text[])
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  picked record;
  changed int;
  probes boolean := false;
begin
  next_watermarks := claim.watermarks;
  perform pg_advisory_xact_lock(hashtextextended(claim.claim_id::text, 0));
  select jsonb_agg(jsonb_build_object('id', l.id, 'ordinal', l.ordinal, 'type', l.type, 'jobs', l.jobs) order by l.ordinal)
  into leases
  from (select id, ordinal, type, cardinality(job_ids) as jobs from forgeq.lease where lease.claim_id = claim.claim_id
        union all
        select id, ordinal, type, jobs from forgeq.lease_closed where lease_closed.claim_id = claim.claim_id) l;
  if leases is not null then
    outcome := 'claimed';
    more := true;
    return next;
    return;
  end if;

  -- No rows, as a rule.
  blocks := (select array_agg(b.type order by b.type) from forgeq.type_block b);
  if blocks is not null then
    select p.* into picked from forgeq.pick_probe(claim.queue, claim.blocked_types, claim.dispatch_seconds, now_at) p;
    probes := picked.outcome is not distinct from 'claimed';
  end if;
  if not probes then
    select p.* into picked from forgeq.pick(claim.queue, claim.max_jobs, claim.watermarks, claim.blocked_types || blocks, now_at) p;
    next_watermarks := picked.next_watermarks;
    continued_watermarks := picked.continued_watermarks;
  end if;
  outcome := picked.outcome;
  more := picked.more or probes;
  leases := '[]';
  if outcome = 'claimed' then
    update forgeq.job set claim_id = claim.claim_id, attempt = attempt + 1
    where ctid = any (picked.places) and claim_id is null;
    get diagnostics changed = row_count;
    if changed <> cardinality(picked.places) then
      raise exception 'forgeq: % of % jobs changed under their locks', cardinality(picked.places) - changed, cardinality(picked.places);
    end if;
    leases := forgeq.make_leases(claim.claim_id, claim.queue, picked.ids, picked.types, picked.priorities, picked.run_ats,
      claim.dispatch_seconds, null, null, true, picked.seq, now_at);
    if probes then
      update forgeq.lease l set probe = true where l.claim_id = claim.claim_id;
    end if;
  end if;
  return next;
end
$$;
