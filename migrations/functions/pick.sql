-- Chooses due jobs of one queue and locks them: what claim and settle_and_take begin with. Internal; see claim for the guarantees, the lock order,
-- the watermarks and the answers. The arrays say the same jobs in the same order; null when there are none. `seq` is for the leases of a limited queue.
--
-- continued_watermarks: where a scan that was cut off by its size ended, without the second of lag; null otherwise. A scan from there passes over
-- nothing that was taken just now, and misses what commits late meanwhile: see docs/adr/0016.
-- A job whose start_before has passed is taken by nobody: it ends cancelled here, and the call says `more`. The plain path looks at a null for it.
-- Where types are blocked it ends after so many jobs of a priority (`ends`, see pick_unblocked), and the next call goes on from there.
-- A sweep that has read many more entries of the index than it gives jobs has passed those of jobs that have ended: see keep_marks.
-- A scan includes its watermark, so that a sweep also finds a job whose run_at somebody set to -infinity by hand.
create or replace function forgeq.pick(
  queue text, max_jobs int, watermarks text[], blocked_types text[], now_at timestamptz,
  out outcome text, out next_watermarks text[], out continued_watermarks text[], out more boolean,
  out places tid[], out ids uuid[], out types text[], out priorities smallint[], out run_ats timestamptz[], out seq bigint)
language plpgsql
as $$
#variable_conflict use_column
declare
  lows timestamptz[] := case when pick.watermarks::text like '%@%' then forgeq.without_pages(pick.watermarks)
                             else coalesce(pick.watermarks::timestamptz[], array_fill('-infinity'::timestamptz, array[10])) end;
  highs timestamptz[];
  ends timestamptz[];
  pages bigint[];
  limits record;
  wanted int := pick.max_jobs;
  picked int;
  oldest record;
  last_priority int;
  last_run_at timestamptz;
  blocked text[] := '{}';
  late uuid[];
  entries bigint := case when pick.watermarks is null then 1000 + pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) end;
begin
  next_watermarks := pick.watermarks;
  more := false;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'forgeq: claim needs read committed' using errcode = 'FQ009';
  end if;
  if cardinality(blocked_types) > 0 then
    blocked := forgeq.blocked_in(pick.queue, blocked_types);
    if blocked is null then
      outcome := 'empty';
      return;
    end if;
  end if;
  for i in 1 .. 10 loop
    lows[i] := case when lows[i] > now_at then '-infinity' else lows[i] end;
  end loop;
  select q.paused and coalesce(q.paused_until > now_at, true) as paused, q.max_in_flight, q.waiting, q.max_pending into limits
  from forgeq.queue q where q.name = pick.queue;
  if limits.paused then
    outcome := 'paused';
    return;
  end if;
  -- A look that finds nothing due locks and writes nothing.
  if limits.max_in_flight is not null and not limits.waiting and not forgeq.has_due(pick.queue, lows, now_at) then
    next_watermarks := array(select greatest(l.low, now_at - interval '1 second')::text from unnest(lows) with ordinality as l(low, n) order by l.n);
    outcome := 'empty';
    return;
  end if;
  if limits.max_in_flight is not null then
    perform from forgeq.queue q where q.name = pick.queue for no key update skip locked;
    if not found then
      outcome := 'busy';
      more := true;
      return;
    end if;
    -- Read again, and counted, in later statements: whoever held the row has committed, and its leases are seen.
    select q.paused and coalesce(q.paused_until > now_at, true) as paused, q.max_in_flight, q.waiting, q.max_pending into limits
    from forgeq.queue q where q.name = pick.queue;
    -- It may have lost its limit since the first read: then nothing is counted, as for any queue without one.
    if limits.max_in_flight is not null then
      select least(wanted, limits.max_in_flight - f.jobs), f.seq into wanted, seq from forgeq.count_in_flight(pick.queue) f;
    end if;
  end if;
  if limits.paused then
    outcome := 'paused';
    return;
  end if;
  if wanted <= 0 then
    if not limits.waiting then
      update forgeq.queue q set waiting = true where q.name = pick.queue;
    end if;
    more := forgeq.is_freeing(pick.queue, limits.max_in_flight);
    outcome := case when more then 'busy' else 'full' end;
    return;
  end if;

  if cardinality(blocked) > 0 then
    select u.places, u.ids, u.types, u.priorities, u.run_ats, u.late, u.highs, u.ends, u.pages, cardinality(u.places)
    into places, ids, types, priorities, run_ats, late, highs, ends, pages, picked
    from forgeq.pick_unblocked(pick.queue, wanted, pick.watermarks, lows, blocked, now_at) u;
  else
    select array_agg(t.tid), array_agg(t.id), array_agg(t.type), array_agg(t.priority), array_agg(t.run_at), count(*),
           array_agg(t.id) filter (where t.start_before <= now_at)
    into places, ids, types, priorities, run_ats, picked, late
    from (
      select due.tid, due.id, due.type, due.priority, due.run_at, due.start_before
      from unnest(lows) with ordinality as p(low, n)
      cross join lateral (
        select j.ctid as tid, j.id, j.type, j.priority, j.run_at, j.start_before
        from forgeq.job j
        where j.queue = pick.queue and j.priority = (p.n - 1)::smallint and j.run_at >= p.low and j.run_at <= now_at and j.claim_id is null
        order by j.run_at
        limit wanted
        for update skip locked) due
      limit wanted) t;
  end if;

  -- One place in ten, by chance in takes that are smaller, goes to the oldest due job, so that a busy low priority number starves nobody.
  last_priority := priorities[picked];
  if picked = wanted and last_priority < 9 and (wanted >= 10 or random() < wanted / 10.0) then
    select o.* into oldest from forgeq.pick_oldest(pick.queue, last_priority, lows, highs, blocked, now_at, run_ats[picked]) o;
    if found then
      places[picked] := oldest.tid;
      ids[picked] := oldest.id;
      types[picked] := oldest.type;
      priorities[picked] := oldest.priority;
      run_ats[picked] := oldest.run_at;
      -- It was the first of its priority: a long transaction would keep the entries of all that are taken so.
      lows[oldest.priority + 1] := greatest(lows[oldest.priority + 1], oldest.run_at - interval '1 second');
      late := late || array(select oldest.id where oldest.start_before <= now_at);
    end if;
  end if;

  -- Everything below a scan's end was seen. One second of lag covers inserts that commit late; sweeps cover the rest.
  for i in 1 .. case when picked < wanted then 10 else last_priority end loop
    more := more or ends[i] is not null;
    lows[i] := greatest(lows[i], coalesce(ends[i], now_at - interval '1 second'));
  end loop;
  if picked = wanted then
    last_run_at := (select max(r.run_at) from unnest(run_ats, priorities) as r(run_at, priority) where r.priority = last_priority);
    lows[last_priority + 1] := greatest(lows[last_priority + 1], last_run_at - case when pages[last_priority + 1] is null then interval '1 s' else '0' end);
  end if;
  next_watermarks := lows::text[];
  if picked = wanted then
    lows[last_priority + 1] := greatest(lows[last_priority + 1], last_run_at);
    continued_watermarks := lows::text[];
  end if;
  if pages is not null then
    next_watermarks := forgeq.with_pages(next_watermarks, ends, pages);
    continued_watermarks := forgeq.with_pages(continued_watermarks, ends, pages);
  end if;
  more := more or picked = wanted or coalesce(cardinality(late) > 0, false);
  if limits.max_in_flight is not null and limits.waiting <> (picked = wanted and wanted < pick.max_jobs) then
    update forgeq.queue q set waiting = not limits.waiting where q.name = pick.queue;
  end if;
  if cardinality(late) > 0 and forgeq.cancel_waiting(late, null, null, now_at, true) is not null then
    select array_agg(place), array_agg(id), array_agg(type), array_agg(priority), array_agg(at), count(*) into places, ids, types, priorities, run_ats, picked
    from unnest(places, ids, types, priorities, run_ats) as t(place, id, type, priority, at) where t.id <> all (late);
  end if;
  if limits.max_pending is not null and picked > 0 then
    perform forgeq.count_waiting(pick.queue, -picked);
  end if;
  if entries is not null and pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) > entries + picked then
    perform forgeq.keep_marks(pick.queue);
  end if;
  outcome := case when picked > 0 then 'claimed' else 'empty' end;
end
$$;
