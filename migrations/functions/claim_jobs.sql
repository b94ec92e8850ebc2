-- What claim and enqueue_and_claim do: picks due jobs of one queue and makes leases of them, one per type and batch. Internal; see claim for
-- the guarantees, the lock order, the watermarks and the answers.
create or replace function forgeq.claim_jobs(
  queue text, claim_id uuid, max_jobs int, watermarks text[], blocked_types text[], dispatch_seconds double precision, at timestamptz)
returns table (outcome text, leases jsonb, next_watermarks text[], more boolean)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(at, clock_timestamp());
  picked record;
  changed int;
begin
  next_watermarks := claim_jobs.watermarks;
  perform pg_advisory_xact_lock(hashtextextended(claim_jobs.claim_id::text, 0));
  select jsonb_agg(jsonb_build_object('id', l.id, 'ordinal', l.ordinal, 'type', l.type, 'jobs', l.jobs) order by l.ordinal)
  into leases
  from (select id, ordinal, type, cardinality(job_ids) as jobs from forgeq.lease where lease.claim_id = claim_jobs.claim_id
        union all
        select id, ordinal, type, jobs from forgeq.lease_closed where lease_closed.claim_id = claim_jobs.claim_id) l;
  if leases is not null then
    outcome := 'claimed';
    more := true;
    return next;
    return;
  end if;

  select p.* into picked from forgeq.pick(claim_jobs.queue, claim_jobs.max_jobs, claim_jobs.watermarks, claim_jobs.blocked_types, now_at) p;
  outcome := picked.outcome;
  next_watermarks := picked.next_watermarks;
  more := picked.more;
  leases := '[]';
  if outcome = 'claimed' then
    update forgeq.job set claim_id = claim_jobs.claim_id, attempt = attempt + 1
    where ctid = any (picked.places) and claim_id is null;
    get diagnostics changed = row_count;
    if changed <> cardinality(picked.places) then
      raise exception 'forgeq: % of % jobs changed under their locks', cardinality(picked.places) - changed, cardinality(picked.places);
    end if;
    leases := forgeq.make_leases(claim_jobs.claim_id, claim_jobs.queue, picked.ids, picked.types, picked.priorities, picked.run_ats,
      claim_jobs.dispatch_seconds, null, null, true, now_at);
  end if;
  return next;
end
$$;
