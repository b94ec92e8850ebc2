-- Finished jobs in their newest life, newest id first: up to max_jobs + 1 with an id below `after`, then the row that says how far the list came. A list by a
-- filter that few jobs meet stops after max_examined jobs, or after twice as many dead or cancelled ones, of which an index alone says enough; and none goes
-- below from_id, where that is not null.
--
-- Goes back in windows of ids, each larger than the one before. No job ends before its id was made, less the day that a producer's clock may be ahead, so the
-- jobs of a window lie in the partitions from its beginning on; each window is planned with its instants known, so that only those are locked and read.
-- Stable: all windows, and list_live in the same statement, are of one snapshot.
create or replace function forgeq.list_finished(
  state text, type text, queue text, after uuid, from_id uuid, max_jobs int, with_payload boolean, at timestamptz default null,
  max_examined int default 20000)
returns setof forgeq.listed_job
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set lock_timeout = '4s' set max_parallel_workers_per_gather = 0
as $$
#variable_conflict use_column
declare
  failed constant boolean := coalesce(state in ('dead', 'cancelled'), false);
  walk constant text := format(
    'select h.id, h.finished_at, ($6::text is null or h.type = $6) and ($7::text is null or h.queue = $7) %s as wanted
     from forgeq.job_history h where h.id < $1 and h.id >= $2 and h.finished_at >= $3 and h.finished_at < $4 %s order by h.id desc limit $5',
    case when failed then '' when state is null then 'and h.revived is null' else 'and h.revived is null and h.state = ''completed''' end,
    case when failed then format('and h.state = %L and h.revived is null', state) end);
  now_at constant timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  until constant timestamptz := greatest(now_at, clock_timestamp()) + interval '7 days';
  begins constant timestamptz := least(now_at, forgeq.id_time(after));
  most constant int := case when failed then 2 else 1 end * max_examined;
  examined int := 0;
  above uuid;
  below uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  since timestamptz;
  weeks int;
  seen record;
  ids uuid[] := '{}';
  ends timestamptz[] := '{}';
  page_end forgeq.listed_job;
begin
  if not forgeq.may_have_jobs(type, queue) then
    return next page_end;
    return;
  end if;
  <<windows>>
  foreach weeks in array array[1, 4, 16, 64, null] loop
    since := coalesce(date_trunc('week', begins at time zone 'UTC') at time zone 'UTC' - make_interval(days => 7 * (weeks - 1)), '-infinity');
    above := case when weeks is null then '00000000-0000-0000-0000-000000000000'
                  else (lpad(to_hex((extract(epoch from since + interval '1 day') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid end;
    above := greatest(above, from_id);
    for seen in execute walk using below, above, since, until, most - examined, type, queue loop
      examined := examined + 1;
      if seen.wanted then
        ids := ids || seen.id;
        ends := ends || seen.finished_at;
        exit windows when cardinality(ids) > max_jobs;
      end if;
      if examined = most then
        page_end.searched_to := seen.id;
        exit windows;
      end if;
    end loop;
    exit when above = from_id;
    below := least(below, above);
  end loop;
  return query execute $sql$
    select h.id, h.life, h.type, h.queue, h.state::text, h.priority, case when $5 then h.payload end, coalesce(h.metadata, '{}'), h.unique_key, h.attempt,
           h.max_attempts, null::jsonb, h.created_at, coalesce(h.run_at, h.created_at), h.began_at, h.finished_at, h.result, h.error, h.lease_id, null::uuid
    from unnest($1, $2) with ordinality as k(id, finished_at, n)
    cross join lateral (
      select p.* from forgeq.job_history p
      where p.id = k.id and p.finished_at = k.finished_at and p.finished_at >= $3 and p.finished_at <= $4 and p.revived is null limit 1) h
    order by k.n $sql$
  using ids, ends, (select min(e) from unnest(ends) e), (select max(e) from unnest(ends) e), with_payload;
  return next page_end;
end
$$;
