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
  at timestamptz := coalesce(claim_jobs.at, clock_timestamp());
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

  select p.* into picked from forgeq.pick(claim_jobs.queue, claim_jobs.max_jobs, claim_jobs.watermarks, claim_jobs.blocked_types, at) p;
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
    with batched as (
      select g.id, g.type, g.priority, g.run_at,
             (row_number() over (partition by g.type order by g.priority, g.run_at, g.id) - 1) / coalesce(t.batch_size, 1) as batch
      from unnest(picked.ids, picked.types, picked.priorities, picked.run_ats) as g(id, type, priority, run_at)
      left join forgeq.job_type t on t.type = g.type),
    made as (
      insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at)
      select forgeq.uuid_v7(), claim_jobs.claim_id, row_number() over (order by min(b.priority), min(b.run_at), b.type, b.batch), claim_jobs.queue, b.type,
             array_agg(b.id order by b.priority, b.run_at, b.id), count(*), at, at + make_interval(secs => dispatch_seconds)
      from batched b
      group by b.type, b.batch
      returning id, ordinal, type, open_jobs)
    select jsonb_agg(jsonb_build_object('id', m.id, 'ordinal', m.ordinal, 'type', m.type, 'jobs', m.open_jobs) order by m.ordinal)
    into leases
    from made m;
  end if;
  return next;
end
$$;
