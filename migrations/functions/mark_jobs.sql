-- Marks from where on job_heads reads each queue and priority above the one and up to the other, where it begins with many entries of jobs that have ended.
-- Internal. No free job is below a mark, and none gets there that is given back: one whose lease has not begun is not passed over, and others are due again now
-- or later. One that commits late may, see job_heads.
create or replace function forgeq.mark_jobs(above_queue text, above_priority smallint, last_queue text, last_priority smallint)
returns void
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
as $$
#variable_conflict use_column
declare
  many constant int := 200;
  -- Later ones may still be committed; nearly all are by then, and one that is not is seen by the next look from `far`.
  settled constant timestamptz := clock_timestamp() - interval '15 seconds';
  certain constant timestamptz := clock_timestamp() - interval '2 minutes';
  pair record;
  passed bigint;
  oldest timestamptz;
begin
  -- One at a time; somebody else's marks are as good.
  if not forgeq.lock_mutex('mark_jobs') then
    return;
  end if;
  delete from forgeq.job_mark m where m.made_at <= clock_timestamp() - interval '10 minutes';
  for pair in
    select q.name, p.n::smallint as priority, coalesce(m.far_at > clock_timestamp() - interval '1 minute', false) as near,
           coalesce(case when m.far_at > clock_timestamp() - interval '1 minute' then m.low else m.far end, '-infinity') as low
    from forgeq.queue q
    cross join generate_series(0, 9) as p(n)
    left join forgeq.job_mark m on m.queue = q.name and m.priority = p.n::smallint
    where q.name >= above_queue and q.name <= last_queue
      and (q.name, p.n::smallint) > (above_queue, above_priority) and (q.name, p.n::smallint) <= (last_queue, last_priority)
  loop
    passed := pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass);
    oldest := (
      select j.run_at from forgeq.job j
      where j.queue = pair.name and j.priority = pair.priority and j.run_at >= pair.low and j.run_at < settled
        and (j.claim_id is null or exists (select from forgeq.lease l where l.claim_id = j.claim_id and l.began_at is null))
      order by j.run_at limit 1);
    if pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) - passed > many then
      insert into forgeq.job_mark as m (queue, priority, low, far, far_at, made_at)
      values (pair.name, pair.priority, coalesce(oldest, settled), least(oldest, certain), clock_timestamp(), clock_timestamp())
      on conflict (queue, priority) do update
      set low = excluded.low, far = case when pair.near then m.far else excluded.far end, far_at = case when pair.near then m.far_at else excluded.far_at end;
    end if;
  end loop;
end
$$;
