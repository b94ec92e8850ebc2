-- The first job of each queue and priority that has one, above the one that is named: the first free one where the first is due, and `free` is asked for. In
-- their order, up to `most` of them and the rest of what was read with the last; none: there are no more. Internal.
--
-- Nobody claims a job that is not due. So most is read from job_due alone: many entries by one descent where queues have few jobs, a descent to the next queue
-- and priority where they have many. With 1,000 queues of a job each that is about a buffer for six of them where vacuum has come by, and one for each else.
-- A queue with due jobs costs about five more.
--
-- Entries of jobs that have ended stay in the index while a long transaction keeps them. Where many are passed, mark_jobs says from where on a queue and
-- priority is read. A job below a mark is not seen immediately: one that is committed more than 15 seconds after it fell due is seen a minute later, by a look
-- from further back, and one that is committed more than two minutes after that by the next look without marks, ten minutes later at most.
--
-- Up to a mark it reads three ranges, of one queue, of those between, and of the mark's queue. PostgreSQL 15 does not end a scan at the second column of
-- (queue, priority) < (...), and would read on to the end of the mark's queue.
create or replace function forgeq.job_heads(
  now_at timestamptz, free boolean, after_queue text default '', after_priority smallint default 0, most int default null)
returns table (queue text, priority smallint, run_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  many constant int := 200;
  -- Longer than a name may be.
  past_all constant text := repeat('z', 41);
  marks constant forgeq.job_mark[] := array(
    select row(m.queue, m.priority, case when m.far_at > clock_timestamp() - interval '1 minute' then m.low else m.far end, null, null, null)::forgeq.job_mark
    from forgeq.job_mark m
    where m.made_at > clock_timestamp() - interval '10 minutes' and (m.queue, m.priority) > (after_queue, after_priority) order by m.queue, m.priority);
  mark forgeq.job_mark;
  below smallint;
  n int := 1;
  seen_queue text := after_queue;
  seen_priority smallint := after_priority;
  -- How many entries are read by one descent. Where they are of few queues and priorities: one, of a free job, for some time.
  size int := case when after_queue = '' then 8 else 64 end;
  singles int := 0;
  entries int;
  firsts forgeq.job_mark[];
  head forgeq.job_mark;
  read bigint;
  is_free boolean;
  given int := 0;
  ended boolean := false;
begin
  while not ended and (most is null or given < most) loop
    mark := marks[n];
    below := case when mark.queue = seen_queue then mark.priority else 10 end;
    read := pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass);
    if size = 1 and free then
      firsts := array(
        select row(e.queue, e.priority, e.run_at, null, null, null)::forgeq.job_mark
        from (
          (select j.queue, j.priority, j.run_at from forgeq.job j
           where mark.queue is null and (j.queue, j.priority) > (seen_queue, seen_priority) and j.claim_id is null
           order by j.queue, j.priority, j.run_at limit 1)
          union all
          (select j.queue, j.priority, j.run_at from forgeq.job j
           where mark.queue is not null and j.queue = seen_queue and j.priority > seen_priority and j.priority < below and j.claim_id is null
           order by j.priority, j.run_at limit 1)
          union all
          (select j.queue, j.priority, j.run_at from forgeq.job j
           where j.queue > seen_queue and j.queue < mark.queue and j.claim_id is null order by j.queue, j.priority, j.run_at limit 1)
          union all
          (select j.queue, j.priority, j.run_at from forgeq.job j
           where mark.queue > seen_queue and j.queue = mark.queue and j.priority < mark.priority and j.claim_id is null
           order by j.priority, j.run_at limit 1)) e
        limit 1);
      entries := cardinality(firsts);
    else
      select count(*), coalesce(array_agg(row(c.queue, c.priority, c.run_at, null, null, null)::forgeq.job_mark) filter (where c.place = 1), '{}')
      into entries, firsts
      from (
        select e.queue, e.priority, e.run_at, row_number() over (partition by e.queue, e.priority order by e.run_at) as place
        from (
          select u.*
          from (
            (select j.queue, j.priority, j.run_at from forgeq.job j
             where mark.queue is null and (j.queue, j.priority) > (seen_queue, seen_priority)
             order by j.queue, j.priority, j.run_at limit size)
            union all
            (select j.queue, j.priority, j.run_at from forgeq.job j
             where mark.queue is not null and j.queue = seen_queue and j.priority > seen_priority and j.priority < below
             order by j.priority, j.run_at limit size)
            union all
            (select j.queue, j.priority, j.run_at from forgeq.job j
             where j.queue > seen_queue and j.queue < mark.queue order by j.queue, j.priority, j.run_at limit size)
            union all
            (select j.queue, j.priority, j.run_at from forgeq.job j
             where mark.queue > seen_queue and j.queue = mark.queue and j.priority < mark.priority
             order by j.priority, j.run_at limit size)) u
          limit size) e) c;
    end if;
    is_free := size = 1 and free;
    head := firsts[cardinality(firsts)];
    if pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) - read - entries > many then
      perform forgeq.mark_jobs(seen_queue, seen_priority, coalesce(head.queue, mark.queue, past_all), coalesce(head.priority, mark.priority - 1, 0)::smallint);
    end if;
    if entries < size and mark.queue is not null then
      read := pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass);
      firsts := firsts || array(
        select row(j.queue, j.priority, j.run_at, null, null, null)::forgeq.job_mark from forgeq.job j
        where j.queue = mark.queue and j.priority = mark.priority and j.run_at >= mark.low order by j.run_at limit 1);
      if pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) - read > many then
        perform forgeq.mark_jobs(mark.queue, (mark.priority - 1)::smallint, mark.queue, mark.priority);
      end if;
      is_free := false;
      n := n + 1;
      seen_queue := mark.queue;
      seen_priority := mark.priority;
    else
      ended := entries < size;
      seen_queue := head.queue;
      seen_priority := head.priority;
      singles := case when size = 1 then singles + 1 else 0 end;
      size := case when size = 1 then case when singles >= 16 then 8 else 1 end when cardinality(firsts) * 3 >= entries then least(128, size * 2) else 1 end;
    end if;

    foreach head in array firsts loop
      if free and not is_free and head.low <= now_at then
        read := pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass);
        head.low := (
          select j.run_at from forgeq.job j
          where j.queue = head.queue and j.priority = head.priority and j.run_at >= head.low and j.claim_id is null order by j.run_at limit 1);
        if pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) - read > many then
          perform forgeq.mark_jobs(head.queue, (head.priority - 1)::smallint, head.queue, head.priority);
        end if;
      end if;
      if head.low is not null then
        queue := head.queue;
        priority := head.priority;
        run_at := head.low;
        given := given + 1;
        return next;
      end if;
    end loop;
  end loop;
end
$$;
