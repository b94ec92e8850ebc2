-- What a worker process under load sends, one call a batch: settles outcomes of several of its leases, then takes due jobs of
-- several queues, begun already and with their payloads. See settle and claim for what they guarantee.
--
-- worker: the id that this process begins all its leases with. settles: [{lease_id, ended: [...]}], `ended` as settle has it.
-- takes: [{queue, claim_id, watermarks}], visited in this order until max_jobs are taken; no takes, nothing is taken.
-- types: those that the caller can run now; jobs of other types stay. A job's lease lasts its type's lease_seconds.
--
-- Answers with a row for each job taken: where `brief` its id, its payload, and in `job` what job_details says of it, otherwise `job` as
-- job_taken makes it. Then one with `answer`, whose
-- settled is {lease id: {job id: state}}, or {lease id: state} where that holds for all jobs named; 'busy' where a handler's own
--   transaction holds the lease: nothing was written, send it again;
-- wake_seconds is settle's, of all of them; queues: [{queue, outcome, watermarks, near, more}] of the takes visited, near as pick says;
-- leases: [{id, type, queue, lease_seconds, max_attempts, jobs, ids}], max_attempts as the type has it, and jobs as their number, in the order
--   in which the rows have them. A lease whose rows come in another order than its jobs are due in says that one in ids, which is null or
--   missing otherwise;
-- due_seconds: when nothing was taken, seconds until the next job of these queues falls due within due_horizon; null for none;
-- server_ms: what the call took here, so that the caller knows what of its wait was the way.
--
-- Sent again with the same claim ids after its answer was lost it gives the first answer, and takes nothing more.
-- Lock order: the call's advisory lock, its leases (skip locked), their jobs, unique keys; then as claim. Waits for nobody.
create or replace function forgeq.settle_and_take(
  worker uuid, settles jsonb, takes jsonb, types text[], max_jobs int, invocation text default null,
  due_horizon double precision default null, at timestamptz default null, brief boolean default false)
returns table (job text, answer json, id uuid, payload json)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  at timestamptz;
  locked uuid[];
  one record;
  ended record;
  picked record;
  of_type record;
  -- Jobs of one type with batches: nearly always.
  one_lease boolean;
  in_order boolean;
  taken jsonb;
  blocked text[];
  wanted int := settle_and_take.max_jobs;
  claim_ids uuid[] := '{}';
  sent_before boolean := false;
  settled_leases text[] := '{}';
  settled_jobs jsonb[] := '{}';
  wake_seconds double precision;
  due_seconds double precision;
  queues jsonb := '[]';
  leases jsonb := '[]';
  changed int;
begin
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
      settled_leases := settled_leases || one.lease_id::text;
      if one.lease_id <> all (locked) and exists (select from forgeq.lease l where l.id = one.lease_id and l.begun_by = worker) then
        settled_jobs := settled_jobs || '"busy"'::jsonb;
      else
        select s.jobs, s.wake_seconds into ended from forgeq.settle(one.lease_id, worker, one.ended, settle_and_take.at, true) s;
        settled_jobs := settled_jobs || ended.jobs;
        wake_seconds := least(wake_seconds, ended.wake_seconds);
      end if;
    end loop;
  end if;

  at := coalesce(settle_and_take.at, clock_timestamp());
  blocked := array(select t.type from forgeq.job_type t where t.type <> all (settle_and_take.types));
  for one in select t.queue, t.claim_id, t.watermarks from jsonb_to_recordset(takes) as t(queue text, claim_id uuid, watermarks text[]) loop
    exit when wanted <= 0;
    if sent_before then
      if exists (select from forgeq.lease l where l.claim_id = one.claim_id)
        or exists (select from forgeq.lease_closed c where c.claim_id = one.claim_id) then
        queues := queues || jsonb_build_object('queue', one.queue, 'outcome', 'claimed', 'watermarks', one.watermarks, 'more', true);
      end if;
      continue;
    end if;
    select p.* into picked from forgeq.pick(one.queue, wanted, one.watermarks, blocked, at) p;
    queues := queues || jsonb_build_object('queue', one.queue, 'outcome', picked.outcome, 'watermarks', picked.next_watermarks,
      'near', picked.near_watermarks, 'more', picked.more);
    continue when picked.outcome <> 'claimed';

    -- What the jobs are is told by the update itself. As one document in the answer they would be copied a dozen times on their way, and
    -- sorted here three times: so those of one lease, as nearly always, come in the order of their places.
    select t.lease_seconds, t.batch_size, t.max_attempts into of_type from forgeq.job_type t where t.type = picked.types[1];
    one_lease := cardinality(picked.ids) = 1 or (of_type.batch_size > 1 and picked.types[1] = all (picked.types));
    if one_lease then
      return query
      update forgeq.job j set claim_id = one.claim_id, attempt = attempt + 1
      where ctid = any (picked.places) and claim_id is null
      returning case when brief then forgeq.job_details(j, of_type.max_attempts) else forgeq.job_taken(j) end, null::json,
        case when brief then j.id end, case when brief then j.payload end;
    else
      return query
      with given as (
        update forgeq.job j set claim_id = one.claim_id, attempt = attempt + 1
        where ctid = any (picked.places) and claim_id is null
        returning j.type, j.priority, j.run_at, j.id, j.payload,
          case when brief then forgeq.job_details(j, null) else forgeq.job_taken(j) end as job)
      select g.job, null::json, case when brief then g.id end, case when brief then g.payload end
      from given g order by g.type, g.priority, g.run_at, g.id;
    end if;
    get diagnostics changed = row_count;
    if changed <> cardinality(picked.places) then
      raise exception 'forgeq: % of % jobs changed under their locks', cardinality(picked.places) - changed, cardinality(picked.places);
    end if;
    wanted := wanted - changed;

    if one_lease then
      in_order := changed = 1 or picked.places = array(select p.place from unnest(picked.places) as p(place) order by p.place);
      insert into forgeq.lease as m (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at, began_at, begun_by, invocation)
      values (forgeq.uuid_v7(), one.claim_id, 1, one.queue, picked.types[1], picked.ids, changed, at,
              at + make_interval(secs => coalesce(of_type.lease_seconds, 60)), at, worker, settle_and_take.invocation)
      returning jsonb_build_object('id', m.id, 'type', m.type, 'queue', m.queue, 'lease_seconds', extract(epoch from m.expires_at - at),
                'max_attempts', of_type.max_attempts, 'jobs', m.open_jobs, 'ids', case when not in_order then to_jsonb(m.job_ids) end)
      into taken;
    else
      with grouped as (
        select row_number() over (order by g.type, min(g.priority), min(g.run_at), min(g.id::text)) as ordinal, g.type, coalesce(min(t.lease_seconds), 60) as lease_seconds,
               array_agg(g.id order by g.priority, g.run_at, g.id) as ids
        from unnest(picked.ids, picked.types, picked.priorities, picked.run_ats) as g(id, type, priority, run_at)
        left join forgeq.job_type t on t.type = g.type
        group by g.type, case when t.batch_size = 1 then g.id end),
      made as (
        insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at, began_at, begun_by, invocation)
        select forgeq.uuid_v7(), one.claim_id, g.ordinal, one.queue, g.type, g.ids, cardinality(g.ids), at, at + make_interval(secs => g.lease_seconds),
               at, worker, settle_and_take.invocation
        from grouped g
        returning id, ordinal, type, queue, open_jobs, expires_at)
      select jsonb_agg(jsonb_build_object('id', m.id, 'type', m.type, 'queue', m.queue, 'lease_seconds', extract(epoch from m.expires_at - at), 'jobs', m.open_jobs)
               order by m.ordinal)
      into taken
      from made m;
    end if;
    leases := leases || taken;
  end loop;

  if sent_before then
    -- A lease that expired while the answer was lost is not taken up.
    for one in
      select l.id, l.type, l.queue, extract(epoch from l.expires_at - l.created_at) as lease_seconds, held.jobs, held.ids, held.payloads
      from forgeq.lease l
      cross join lateral (
        select array_agg(j.job order by u.n) as jobs, array_agg(j.id order by u.n) as ids, array_agg(j.payload order by u.n) as payloads
        from unnest(l.job_ids) with ordinality as u(id, n)
        cross join lateral (
          select case when brief then forgeq.job_details(j, null) else forgeq.job_taken(j) end as job, j.id, j.payload
          from forgeq.job j where j.id = u.id and j.claim_id = l.claim_id offset 0) j) held
      where l.claim_id = any (claim_ids) and l.begun_by = worker and l.expires_at > at and held.jobs is not null
      order by l.id
    loop
      return query
      select h.job, null::json, case when brief then h.id end, case when brief then h.payload end
      from unnest(one.jobs, one.ids, one.payloads) as h(job, id, payload);
      leases := leases || jsonb_build_object('id', one.id, 'type', one.type, 'queue', one.queue, 'lease_seconds', one.lease_seconds, 'jobs', cardinality(one.jobs));
    end loop;
  elsif wanted = settle_and_take.max_jobs and due_horizon is not null then
    due_seconds := forgeq.next_due(due_horizon, settle_and_take.at,
      array(select t.queue from jsonb_to_recordset(takes) as t(queue text)));
  end if;
  job := null;
  id := null;
  payload := null;
  answer := json_build_object(
    'settled', coalesce((select jsonb_object_agg(s.lease_id, s.jobs) from unnest(settled_leases, settled_jobs) as s(lease_id, jobs)), '{}'),
    'wake_seconds', wake_seconds, 'queues', queues, 'leases', leases, 'due_seconds', due_seconds,
    'server_ms', extract(epoch from clock_timestamp() - statement_timestamp()) * 1000);
  return next;
end
$$;
