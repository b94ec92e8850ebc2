-- What claim does, and take: picks due jobs of one queue and makes leases of them. Internal; see claim for the guarantees, the
-- lock order, the watermarks and the answers.
--
-- begun_by null: leases that an invocation begins within dispatch_seconds, one per type and batch. Given: leases that the caller
-- has begun with it, one per type, for the type's lease_seconds; a type with batches of one has each job in a lease of its own.
create or replace function forgeq.claim_jobs(
  queue text, claim_id uuid, max_jobs int, watermarks text[], blocked_types text[], dispatch_seconds double precision,
  begun_by uuid, invocation text, at timestamptz)
returns table (outcome text, leases jsonb, next_watermarks text[], more boolean)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  at timestamptz := coalesce(claim_jobs.at, clock_timestamp());
  lows timestamptz[] := coalesce(claim_jobs.watermarks::timestamptz[], array_fill('-infinity'::timestamptz, array[10]));
  -- With a block list a scan examines about this many jobs of a priority, then stops and goes on in the next call.
  examined_rows constant int := 5000;
  highs timestamptz[] := array_fill(null::timestamptz, array[10]);
  limits record;
  wanted int := claim_jobs.max_jobs;
  places tid[];
  priorities smallint[];
  run_ats timestamptz[];
  picked int;
  changed int;
  oldest record;
  last_priority int;
begin
  next_watermarks := claim_jobs.watermarks;
  more := false;
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
  leases := '[]';

  select q.paused, q.max_in_flight, q.waiting into limits from forgeq.queue q where q.name = claim_jobs.queue;
  if limits.max_in_flight is not null then
    if current_setting('transaction_isolation') <> 'read committed' then
      raise exception 'forgeq: claim needs read committed' using errcode = 'FQ003';
    end if;
    perform from forgeq.queue q where q.name = claim_jobs.queue for no key update skip locked;
    if not found then
      outcome := 'busy';
      more := true;
      return next;
      return;
    end if;
    -- Read again, and counted, in later statements: whoever held the row has committed, and its leases are seen.
    select q.paused, q.max_in_flight, q.waiting into limits from forgeq.queue q where q.name = claim_jobs.queue;
    wanted := least(wanted, limits.max_in_flight
      - (select coalesce(sum(l.open_jobs), 0)::int from forgeq.lease l where l.queue = claim_jobs.queue));
  end if;
  if limits.paused then
    outcome := 'paused';
    return next;
    return;
  end if;
  if wanted <= 0 then
    if not limits.waiting then
      update forgeq.queue q set waiting = true where q.name = claim_jobs.queue;
    end if;
    outcome := 'full';
    return next;
    return;
  end if;

  for i in 1 .. 10 loop
    if lows[i] > at then
      lows[i] := '-infinity';
    end if;
    if cardinality(blocked_types) > 0 then
      highs[i] := (select j.run_at from forgeq.job j
                   where j.queue = claim_jobs.queue and j.priority = (i - 1)::smallint and j.run_at > lows[i] and j.run_at <= at
                   order by j.run_at offset examined_rows limit 1);
    end if;
  end loop;

  select array_agg(t.tid), array_agg(t.priority), array_agg(t.run_at), count(*)
  into places, priorities, run_ats, picked
  from (
    select due.tid, due.priority, due.run_at
    from unnest(lows, highs) with ordinality as p(low, high, n)
    cross join lateral (
      select j.ctid as tid, j.priority, j.run_at
      from forgeq.job j
      where j.queue = claim_jobs.queue and j.priority = (p.n - 1)::smallint
        and j.run_at > p.low and j.run_at <= least(at, p.high)
        and j.claim_id is null and j.type <> all (blocked_types)
      order by j.run_at
      limit wanted
      for update skip locked) due
    limit wanted) t;

  -- One place of a large claim goes to the oldest due job, so that a busy low priority number starves nobody.
  last_priority := priorities[picked];
  if picked = wanted and wanted >= 10 and last_priority < 9 then
    select first.id, first.priority, first.run_at into oldest
    from generate_series(last_priority + 1, 9) as p(priority)
    cross join lateral (
      select j.id, j.priority, j.run_at
      from forgeq.job j
      where j.queue = claim_jobs.queue and j.priority = p.priority::smallint
        and j.run_at > lows[p.priority + 1] and j.run_at <= least(at, highs[p.priority + 1])
        and j.claim_id is null and j.type <> all (blocked_types)
      order by j.run_at
      limit 1) first
    order by first.run_at
    limit 1;
    if oldest.run_at < run_ats[picked] then
      -- By what it was chosen by: if it was moved meanwhile its old place is empty.
      select j.ctid as tid, j.priority, j.run_at into oldest
      from forgeq.job j where j.id = oldest.id and j.claim_id is null and j.run_at = oldest.run_at for update skip locked;
      if found then
        places[picked] := oldest.tid;
        priorities[picked] := oldest.priority;
        run_ats[picked] := oldest.run_at;
      end if;
    end if;
  end if;

  if picked > 0 then
    with taken as (
      update forgeq.job set claim_id = claim_jobs.claim_id, attempt = attempt + 1
      where ctid = any (places) and claim_id is null
      returning id, type, priority, run_at),
    batched as (
      select k.id, k.type, k.priority, k.run_at,
             (row_number() over (partition by k.type order by k.priority, k.run_at, k.id) - 1)
               / case when claim_jobs.begun_by is null or t.batch_size = 1 then coalesce(t.batch_size, 1) else 1000000 end as batch,
             case when claim_jobs.begun_by is null then dispatch_seconds else coalesce(t.lease_seconds, 60) end as lease_seconds
      from taken k left join forgeq.job_type t on t.type = k.type),
    made as (
      insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at,
        began_at, begun_by, invocation)
      select forgeq.uuid_v7(), claim_jobs.claim_id, row_number() over (order by min(b.priority), min(b.run_at), b.type, b.batch), claim_jobs.queue, b.type,
             array_agg(b.id order by b.priority, b.run_at, b.id), count(*), at, at + make_interval(secs => min(b.lease_seconds)),
             case when claim_jobs.begun_by is not null then at end, claim_jobs.begun_by, claim_jobs.invocation
      from batched b
      group by b.type, b.batch
      returning id, ordinal, type, open_jobs)
    select (select count(*) from taken),
           (select jsonb_agg(jsonb_build_object('id', m.id, 'ordinal', m.ordinal, 'type', m.type, 'jobs', m.open_jobs) order by m.ordinal) from made m)
    into changed, leases;
    if changed <> picked then
      raise exception 'forgeq: % of % jobs changed under their locks', picked - changed, picked;
    end if;
  end if;

  -- Everything below a scan's end was seen. One second of lag covers inserts that commit late; sweeps cover the rest.
  for i in 1 .. 10 loop
    if picked < wanted or i - 1 < last_priority then
      more := more or highs[i] is not null;
      lows[i] := greatest(lows[i], coalesce(highs[i], at - interval '1 second'));
    elsif i - 1 = last_priority then
      lows[i] := greatest(lows[i], (select max(r.run_at) from unnest(run_ats, priorities) as r(run_at, priority) where r.priority = i - 1)
                                   - interval '1 second');
    end if;
  end loop;
  next_watermarks := lows::text[];
  more := more or picked = wanted;
  if limits.max_in_flight is not null and limits.waiting <> (picked = wanted and wanted < claim_jobs.max_jobs) then
    update forgeq.queue q set waiting = not limits.waiting where q.name = claim_jobs.queue;
  end if;
  outcome := case when picked > 0 then 'claimed' else 'empty' end;
  return next;
end
$$;
