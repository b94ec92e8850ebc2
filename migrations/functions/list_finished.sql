-- Finished jobs in their newest life, newest id first: up to max_jobs + 1 with an id below `after`, then the row that says how far the list came. A list by a
-- filter that few jobs meet stops after max_examined jobs, or after twice as many dead or cancelled ones, of which an index alone says enough.
--
-- Goes back in windows of ids, each larger than the one before. No job ends before its id was made, less the day that a producer's clock may be ahead, so the
-- jobs of a window lie in the partitions from its beginning on; each window is planned with its instants known, so that only those are locked and read.
-- Stable: all windows, and list_live in the same statement, are of one snapshot.
create or replace function forgeq.list_finished(
  state text, type text, queue text, after uuid, max_jobs int, with_payload boolean, at timestamptz default null, max_examined int default 20000)
returns setof forgeq.listed_job
language plpgsql stable set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set max_parallel_workers_per_gather = 0
as $$
#variable_conflict use_column
declare
  columns constant text := $sql$
    h.id, h.life, h.type, h.queue, h.state::text, h.priority, case when $8 then h.payload end, coalesce(h.metadata, '{}'), h.unique_key, h.attempt,
    h.max_attempts, null::jsonb, h.created_at, coalesce(h.run_at, h.created_at), h.began_at, h.finished_at, h.result, h.error, h.lease_id, null::uuid $sql$;
  within constant text := 'h.id < $1 and h.id >= $2 and h.finished_at >= $3 and h.finished_at < $4';
  filter constant text := '($5::text is null or h.type = $5) and ($6::text is null or h.queue = $6)';
  -- A window's rows as they are examined, without those that the filter leaves out.
  examined text := format('from forgeq.job_history h where %s order by h.id desc limit $7', within);
  found_rows text := format('select %s from (select h.* %s) h where %s and h.revived is null and ($9::forgeq.finished_state is null or h.state = $9)
    order by h.id desc limit $10', columns, examined, filter);
  now_at constant timestamptz := coalesce(at, clock_timestamp());
  until constant timestamptz := greatest(now_at, clock_timestamp()) + interval '7 days';
  begins constant timestamptz := least(now_at, forgeq.id_time(after));
  above uuid;
  below uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  since timestamptz;
  weeks int;
  wanted int := max_jobs + 1;
  left_to_examine int := max_examined;
  n int;
  edge uuid;
  page_end forgeq.listed_job;
begin
  if state in ('dead', 'cancelled') then
    left_to_examine := 2 * max_examined;
    examined := format('from forgeq.job_history h where %s and h.state = %L and h.revived is null order by h.id desc limit $7', within, state);
    -- Filtered in the index, then read by id and instant, which names the partition.
    found_rows := format('select %s from (select h.id, h.finished_at from (select h.id, h.finished_at, h.type, h.queue %s) h where %s order by h.id desc limit $10) k
      cross join lateral (select p.* from forgeq.job_history p where p.id = k.id and p.finished_at = k.finished_at limit 1) h
      order by k.id desc', columns, examined, filter);
  end if;
  foreach weeks in array array[1, 4, 16, 64, null] loop
    since := coalesce(date_trunc('week', begins at time zone 'UTC') at time zone 'UTC' - make_interval(days => 7 * (weeks - 1)), '-infinity');
    above := case when weeks is null then '00000000-0000-0000-0000-000000000000'
                  else (lpad(to_hex((extract(epoch from since + interval '1 day') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid end;
    return query execute found_rows
    using below, above, since, until, type, queue, left_to_examine, with_payload, state::forgeq.finished_state, wanted;
    get diagnostics n = row_count;
    wanted := wanted - n;
    exit when wanted <= 0;
    execute format('select count(*)::int, (array_agg(x.id))[count(*)::int] from (select h.id %s) x', examined) into n, edge
    using below, above, since, until, type, queue, left_to_examine;
    left_to_examine := left_to_examine - n;
    if left_to_examine <= 0 then
      page_end.searched_to := edge;
      exit;
    end if;
    below := least(below, above);
  end loop;
  return next page_end;
end
$$;
