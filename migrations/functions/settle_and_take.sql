-- What a worker process sends, one call a batch: settles outcomes of several of its leases, then takes due jobs of several queues, begun already and with
-- their payloads. See settle and claim for what they guarantee.
--
-- worker: the id that this process begins all its leases with. settles: [{lease_id, ended: [...]}], `ended` as settle has it.
-- takes: [{queue, claim_id, watermarks, max_jobs}], visited in this order until max_jobs are taken; an empty list takes nothing. A take may have a max_jobs of
-- its own.
-- types: those that the caller can run now; jobs of other types stay. A job's lease lasts its type's lease_seconds.
--
-- Answers with a row for each job taken: its id, its payload, and its details as job_details gives them. Then one row with `answer`:
-- settled: {lease id: {job id: state}}, or {lease id: state} where that holds for all jobs named; 'busy' where a handler's own transaction holds the lease:
--   nothing was written, send it again;
-- wake_seconds: settle's, the least of all;
-- queues: [{queue, outcome, watermarks, continued, more}] of the takes visited; `continued` as pick says;
-- leases: as make_leases gives them, those of a take together, as are its rows. A lease with `ids` has those jobs, in that order; one without has as many rows
--   as it has jobs, in their order;
-- due_seconds: when nothing was taken, seconds until the next job of these queues falls due within due_horizon; null for none;
-- server_ms: what the call took here, so that the caller can tell how much of its wait was the network.
--
-- Sent again with the same claim ids after its answer was lost it gives the first answer, and takes nothing more.
-- Lock order: the call's advisory lock, its leases (skip locked), their jobs, unique keys; then as claim. It waits for nobody.
create or replace function forgeq.settle_and_take(
  worker uuid, settles jsonb, takes jsonb, types text[], max_jobs int, invocation text default null,
  due_horizon double precision default null, at timestamptz default null)
returns table (id uuid, payload json, details json, answer json)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz;
  locked uuid[];
  one record;
  ended record;
  take record;
  picked record;
  taken jsonb;
  usual_max_attempts smallint;
  blocked text[];
  wanted int := settle_and_take.max_jobs;
  claim_ids uuid[] := '{}';
  sent_before boolean := false;
  settled_leases text[] := '{}';
  settled_jobs jsonb[] := '{}';
  wake_seconds double precision;
  due_seconds double precision;
  queues jsonb[] := '{}';
  leases jsonb := '[]';
  changed int;
begin
  if jsonb_array_length(takes) > 0 then
    perform pg_advisory_xact_lock(hashtextextended(takes -> 0 ->> 'claim_id', 1));
    select array_agg(t.claim_id) into claim_ids from jsonb_to_recordset(takes) as t(claim_id uuid);
    sent_before := exists (select from forgeq.lease l where l.claim_id = any (claim_ids))
      or exists (select from forgeq.lease_closed c where c.claim_id = any (claim_ids));
  end if;

  if jsonb_array_length(settles) > 0 then
    -- All leases before any of their jobs, so that nobody waits for a lease while holding jobs.
    select coalesce(array_agg(l.id), '{}') into locked
    from (select l.id from forgeq.lease l
          where l.id = any (array(select s.lease_id from jsonb_to_recordset(settles) as s(lease_id uuid)))
          order by l.id for update skip locked) l;
    for one in select s.lease_id, s.ended from jsonb_to_recordset(settles) as s(lease_id uuid, ended jsonb) loop
      settled_leases := settled_leases || one.lease_id::text;
      if one.lease_id <> all (locked) and exists (select from forgeq.lease l where l.id = one.lease_id and l.begun_by = worker) then
        settled_jobs := settled_jobs || '"busy"'::jsonb;
      else
        select s.jobs, s.wake_seconds into ended from forgeq.settle(one.lease_id, worker, one.ended, at, true) s;
        settled_jobs := settled_jobs || ended.jobs;
        wake_seconds := least(wake_seconds, ended.wake_seconds);
      end if;
    end loop;
  end if;

  now_at := coalesce(forgeq.as_owner(at), clock_timestamp());
  blocked := array(select t.type from forgeq.job_type t where t.type <> all (settle_and_take.types));
  for take in select t.queue, t.claim_id, t.watermarks, t.max_jobs
              from jsonb_to_recordset(takes) as t(queue text, claim_id uuid, watermarks text[], max_jobs int) loop
    exit when wanted <= 0;
    if sent_before then
      if exists (select from forgeq.lease l where l.claim_id = take.claim_id)
        or exists (select from forgeq.lease_closed c where c.claim_id = take.claim_id) then
        queues := queues || jsonb_build_object('queue', take.queue, 'outcome', 'claimed', 'watermarks', take.watermarks, 'more', true);
      end if;
      continue;
    end if;
    select p.* into picked from forgeq.pick(take.queue, least(wanted, take.max_jobs), take.watermarks, blocked, now_at) p;
    queues := queues || jsonb_build_object('queue', take.queue, 'outcome', picked.outcome, 'watermarks', picked.next_watermarks,
      'continued', picked.continued_watermarks, 'more', picked.more);
    continue when picked.outcome <> 'claimed';

    -- The update below gives its rows in the order of their places.
    taken := forgeq.make_leases(take.claim_id, take.queue, picked.ids, picked.types, picked.priorities, picked.run_ats, null, worker, invocation,
      cardinality(picked.ids) = 1 or picked.places = array(select p.place from unnest(picked.places) as p(place) order by p.place),
      picked.seq, now_at);
    leases := leases || taken;
    usual_max_attempts := taken -> 0 ->> 'max_attempts';
    return query
    update forgeq.job j set claim_id = take.claim_id, attempt = attempt + 1
    where ctid = any (picked.places) and claim_id is null
    returning j.id, j.payload, forgeq.job_details(j, usual_max_attempts), null::json;
    get diagnostics changed = row_count;
    if changed <> cardinality(picked.places) then
      raise exception 'forgeq: % of % jobs changed under their locks', cardinality(picked.places) - changed, cardinality(picked.places);
    end if;
    wanted := wanted - changed;
  end loop;

  if sent_before then
    -- A lease that has expired while the answer was lost is not taken up.
    for take in
      select l.id, l.type, l.queue, l.claim_id, extract(epoch from l.expires_at - l.created_at) as lease_seconds, held.ids
      from forgeq.lease l
      cross join lateral (
        select array_agg(j.id order by u.n) as ids
        from unnest(l.job_ids) with ordinality as u(id, n)
        cross join lateral (select job.id from forgeq.job where job.id = u.id and job.claim_id = l.claim_id offset 0) j) held
      where l.claim_id = any (claim_ids) and l.begun_by = worker and l.expires_at > now_at and held.ids is not null
    loop
      leases := leases || jsonb_build_object('id', take.id, 'type', take.type, 'queue', take.queue, 'lease_seconds', take.lease_seconds,
        'jobs', cardinality(take.ids), 'ids', take.ids);
      return query select j.id, j.payload, forgeq.job_details(j, null), null::json from forgeq.job j where j.id = any (take.ids);
    end loop;
  elsif wanted = settle_and_take.max_jobs and due_horizon is not null then
    -- Not of a queue of which the caller can run nothing: each job's queue and type have a series.
    due_seconds := forgeq.next_due(due_horizon, at, array(
      select t.queue from jsonb_to_recordset(takes) as t(queue text)
      where blocked = '{}' or exists (select from forgeq.metric_series s where s.queue = t.queue and s.type <> all (blocked))));
  end if;
  id := null;
  payload := null;
  details := null;
  answer := json_build_object(
    'settled', coalesce((select jsonb_object_agg(s.lease_id, s.jobs) from unnest(settled_leases, settled_jobs) as s(lease_id, jobs)), '{}'),
    'wake_seconds', wake_seconds, 'queues', to_json(queues), 'leases', leases, 'due_seconds', due_seconds,
    'server_ms', extract(epoch from clock_timestamp() - statement_timestamp()) * 1000);
  return next;
end
$$;
