-- The first free job of each queue and priority that has one: one skip scan over job_due, a few buffers for each. Internal.
--
-- Entries of jobs that have ended stay in the index while a long transaction keeps them. Where many are passed, mark_jobs says from where on a queue and
-- priority is read. A job below a mark is not seen before the next look without marks, ten minutes later at most: one that is committed more than two minutes
-- after it fell due.
create or replace function forgeq.job_heads()
returns table (queue text, priority smallint, run_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
#variable_conflict use_column
declare
  many constant int := 200;
  -- Longer than a name may be.
  past_all constant text := repeat('z', 41);
  marks constant forgeq.job_mark[] := array(
    select m from forgeq.job_mark m where m.made_at > clock_timestamp() - interval '10 minutes' order by m.queue, m.priority);
  mark forgeq.job_mark;
  n int := 1;
  seen_queue text := '';
  seen_priority smallint := 0;
  head record;
  passed bigint;
begin
  loop
    mark := marks[n];
    passed := pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass);
    select j.queue, j.priority, j.run_at into head
    from forgeq.job j
    where (j.queue, j.priority) > (seen_queue, seen_priority) and (j.queue, j.priority) < (coalesce(mark.queue, past_all), coalesce(mark.priority, 0::smallint))
      and j.claim_id is null
    order by j.queue, j.priority, j.run_at limit 1;
    if pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) - passed > many then
      perform forgeq.mark_jobs(seen_queue, seen_priority, coalesce(head.queue, mark.queue, past_all), coalesce(head.priority, mark.priority - 1, 0)::smallint);
    end if;
    if head.queue is null then
      exit when mark.queue is null;
      passed := pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass);
      select j.queue, j.priority, j.run_at into head
      from forgeq.job j
      where j.queue = mark.queue and j.priority = mark.priority and j.run_at >= mark.low and j.claim_id is null
      order by j.run_at limit 1;
      if pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) - passed > many then
        perform forgeq.mark_jobs(mark.queue, (mark.priority - 1)::smallint, mark.queue, mark.priority);
      end if;
      n := n + 1;
    end if;
    seen_queue := coalesce(head.queue, mark.queue);
    seen_priority := coalesce(head.priority, mark.priority);
    if head.queue is not null then
      queue := head.queue;
      priority := head.priority;
      run_at := head.run_at;
      return next;
    end if;
  end loop;
end
$$;
