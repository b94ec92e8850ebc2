-- What a worker process under load sends, one call a batch: settles outcomes of several of its leases, then takes due jobs of
-- several queues, begun already and with their payloads. See settle and claim for what they guarantee.
--
-- worker: the id that this process begins all its leases with. settles: [{lease_id, ended: [...]}], `ended` as settle has it.
-- takes: [{queue, claim_id, watermarks}], visited in this order until max_jobs are taken; no takes, nothing is taken.
-- types: those that the caller can run now; jobs of other types stay. A job's lease lasts its type's lease_seconds.
--
-- settled: {lease id: {job id: state}}; 'busy' where a handler's own transaction holds the lease: nothing was written, send it
-- again. wake_seconds: as settle's, of all of them. queues: [{queue, outcome, watermarks, more}] of the takes visited.
-- leases: [{id, type, queue, lease_seconds}]; jobs: for each lease in that order, a list of
-- [id, attempt, max_attempts, depth, created_at, run_at, traceparent, metadata, payload].
-- due_seconds: when nothing was taken, seconds until the next job of these queues falls due within due_horizon; null for none.
--
-- Sent again with the same claim ids after its answer was lost it gives the first answer, and takes nothing more.
-- Lock order: the call's advisory lock, its leases (skip locked), their jobs, unique keys; then as claim. Waits for nobody.
create or replace function forgeq.settle_and_take(
  worker uuid, settles jsonb, takes jsonb, types text[], max_jobs int, invocation text default null,
  due_horizon double precision default null, at timestamptz default null)
returns table (settled jsonb, wake_seconds double precision, queues jsonb, leases json, jobs json, due_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  locked uuid[];
  one record;
  answer record;
  blocked text[];
  wanted int := settle_and_take.max_jobs;
  claim_ids uuid[] := '{}';
  sent_before boolean := false;
begin
  settled := '{}';
  queues := '[]';
  if jsonb_array_length(takes) > 0 then
    perform pg_advisory_xact_lock(hashtextextended(takes -> 0 ->> 'claim_id', 1));
    select array_agg(t.claim_id) into claim_ids from jsonb_to_recordset(takes) as t(claim_id uuid);
    sent_before := exists (select from forgeq.lease l where l.claim_id = any (claim_ids))
      or exists (select from forgeq.lease_closed c where c.claim_id = any (claim_ids));
  end if;

  if jsonb_array_length(settles) = 0 then
    -- A take that a crash of the server forgets leaves its jobs due, and what they came to is refused. See docs/adr/0012.
    perform set_config('synchronous_commit', 'off', true);
  else
    -- All of them before any job of theirs, so that nobody waits for a lease while it holds jobs.
    select coalesce(array_agg(l.id), '{}') into locked
    from (select l.id from forgeq.lease l
          where l.id = any (array(select s.lease_id from jsonb_to_recordset(settles) as s(lease_id uuid)))
          order by l.id for update skip locked) l;
    for one in select s.lease_id, s.ended from jsonb_to_recordset(settles) as s(lease_id uuid, ended jsonb) loop
      if one.lease_id <> all (locked) and exists (select from forgeq.lease l where l.id = one.lease_id and l.begun_by = worker) then
        settled := settled || jsonb_build_object(one.lease_id,
          (select jsonb_object_agg(o.id, 'busy'::text) from jsonb_to_recordset(one.ended) as o(id text)));
      else
        select s.jobs, s.wake_seconds into answer from forgeq.settle(one.lease_id, worker, one.ended, settle_and_take.at) s;
        settled := settled || jsonb_build_object(one.lease_id, answer.jobs);
        wake_seconds := least(wake_seconds, answer.wake_seconds);
      end if;
    end loop;
  end if;

  blocked := array(select t.type from forgeq.job_type t where t.type <> all (settle_and_take.types));
  for one in select t.queue, t.claim_id, t.watermarks from jsonb_to_recordset(takes) as t(queue text, claim_id uuid, watermarks text[]) loop
    exit when wanted <= 0;
    continue when sent_before and not exists (select from forgeq.lease l where l.claim_id = one.claim_id)
      and not exists (select from forgeq.lease_closed c where c.claim_id = one.claim_id);
    select c.outcome, c.leases, c.next_watermarks, c.more into answer
    from forgeq.claim_jobs(one.queue, one.claim_id, wanted, one.watermarks, blocked, 0, worker, settle_and_take.invocation, settle_and_take.at) c;
    queues := queues || jsonb_build_object('queue', one.queue, 'outcome', answer.outcome, 'watermarks', answer.next_watermarks, 'more', answer.more);
    if not sent_before then
      wanted := wanted - (select coalesce(sum((l ->> 'jobs')::int), 0)::int from jsonb_array_elements(answer.leases) l);
    end if;
  end loop;

  if sent_before or wanted < settle_and_take.max_jobs then
    -- A lease that expired while the answer was lost is not taken up.
    select json_agg(json_build_object('id', l.id, 'type', l.type, 'queue', l.queue,
             'lease_seconds', extract(epoch from l.expires_at - l.created_at)) order by l.id),
           json_agg(held.jobs order by l.id)
    into leases, jobs
    from forgeq.lease l
    cross join lateral (
      select json_agg(json_build_array(j.id, j.attempt, j.max_attempts, j.depth, j.created_at, j.run_at, j.traceparent, j.metadata, j.payload)
               order by u.n) as jobs
      from unnest(l.job_ids) with ordinality as u(id, n)
      cross join lateral (select job.* from forgeq.job where job.id = u.id and job.claim_id = l.claim_id offset 0) j) held
    where l.claim_id = any (claim_ids) and l.begun_by = worker
      and l.expires_at > coalesce(settle_and_take.at, clock_timestamp()) and held.jobs is not null;
  elsif due_horizon is not null then
    due_seconds := forgeq.next_due(due_horizon, settle_and_take.at,
      array(select t.queue from jsonb_to_recordset(takes) as t(queue text)));
  end if;
  return next;
end
$$;
