-- Finished jobs in their newest life that a filter takes, newest id first: the ids of up to max_jobs + 1 below `after`, with when they finished, and how far
-- the search came, null for the end. Internal: list_finished calls it, which see. See filter_condition for a filter.
--
-- A call ends after max_examined jobs, or after half as many dead or cancelled ones where an index alone says enough, and after max_pages pages of the table:
-- wide rows, and rows that lie here and there, cost more pages than narrow ones in a row. A payload that is stored out of line counts with what it takes.
-- An index alone says enough only where vacuum has come by: then the pages are those that this transaction has read of the partitions.
-- By a declared search only jobs that it finds are examined.
--
-- Goes back in windows of ids, each larger than the one before. No job ends before its id was made, less the day that a producer's clock may be ahead, so the
-- jobs of a window lie in the partitions from its beginning on; each window is planned with its instants known, so that only those are locked and read. The ids
-- are not known to the planner: it would look for the least and the greatest of each partition, which costs more than the list does. The first window is not
-- smaller than the time since `after`: all partitions of that time are read for it anyway.
create or replace function forgeq.find_finished(
  filter jsonb, after uuid, from_id uuid, max_jobs int, now_at timestamptz, max_examined int, max_pages int,
  out ids uuid[], out ends timestamptz[], out searched_to uuid)
language plpgsql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set max_parallel_workers_per_gather = 0
as $$
#variable_conflict use_column
declare
  states constant text[] := forgeq.filter_states(filter, '{completed,dead,cancelled}');
  condition text := forgeq.filter_condition(filter, 'h');
  named constant boolean := filter ? 'ids';
  declared constant text := case when filter ? 'payload' and not named then forgeq.search_index(filter) end;
  -- Of failed jobs the index holds type and queue, too.
  in_index constant boolean := filter - '{states,types,queues,low,high}'::text[] = '{}' and not 'completed' = any (states);
  by_failed constant boolean := declared is null and not named and not 'completed' = any (states);
  until constant timestamptz := greatest(now_at, clock_timestamp()) + interval '7 days';
  low constant uuid := greatest(from_id, (filter ->> 'low')::uuid, '00000000-0000-0000-0000-000000000000');
  most constant int := case when in_index then max_examined / 2 else max_examined end;
  -- Failed jobs lie far apart: each page of theirs costs one of the index, too, now and then.
  -- Those of two states are merged, and each scan reads its page anew.
  several constant boolean := by_failed and cardinality(states) > 1;
  most_pages constant int := case when by_failed and not in_index then max_pages * 2 / 3 else max_pages end;
  branch text;
  walk text;
  examined int := 0;
  pages bigint := 0;
  page bigint := -1;
  parts oid[];
  read_before bigint;
  above uuid;
  below uuid := least(after, (filter ->> 'high')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  begins timestamptz;
  since timestamptz;
  oldest timestamptz;
  weeks int;
  seen record;
begin
  ids := '{}';
  ends := '{}';
  if states = '{}' or below <= low then
    return;
  end if;
  if not by_failed then
    condition := format('h.revived is null and h.state = any (%L::forgeq.finished_state[]) and %s', states, condition);
  end if;
  branch := format(
    'select h.id, h.finished_at, %s as wanted, %s as page, %s as more from forgeq.job_history h
     where h.id < %s and h.id >= %s and h.finished_at >= $3 and h.finished_at < $4',
    condition,
    case when in_index then 'null::bigint' else '(h.ctid::text::point)[0]::bigint' end,
    case when filter ? 'payload' then 'case when pg_column_size(h.payload) > 2000 then 3 + pg_column_size(h.payload) / 2000 else 0 end' else '0' end,
    case when declared is null then '(select $1)' else '$1' end, case when declared is null then '(select $2)' else '$2' end);
  walk := case
    when named then branch || ' and h.id = any ($6)'
    when declared is not null then branch || ' and ' || declared
    when by_failed then (
      -- Several are merged, each in its order: otherwise all of them would be read and sorted.
      select string_agg(format(case when several then '(%s and h.state = %L and h.revived is null order by h.id desc)'
                                    else '%s and h.state = %L and h.revived is null' end, branch, s), ' union all ')
      from unnest(states) as s)
    else branch end || ' order by 1 desc limit $5';

  if in_index then
    parts := array(
      select k.oid from pg_catalog.pg_class k
      where k.relname >= 'job_history_'::name and k.relname < 'job_history_a'::name and k.relnamespace = 'forgeq'::regnamespace and k.relkind = 'r');
    read_before := (select coalesce(sum(pg_catalog.pg_stat_get_xact_blocks_fetched(p.id)), 0) from unnest(parts) as p(id));
  end if;
  begins := least(now_at, forgeq.id_time(below));
  <<windows>>
  foreach weeks in array case when declared is null then array[1, 4, 16, 64, null] else array[8, null] end loop
    continue when weeks < 64 and weeks < extract(epoch from now_at - begins) / 604800;
    -- Below the first week that is kept there are only jobs that have waited for long: one window has them all.
    weeks := case when since > oldest is not false then weeks end;
    since := coalesce(date_trunc('week', begins at time zone 'UTC') at time zone 'UTC' - make_interval(days => 7 * (weeks - 1)), '-infinity');
    above := case when weeks is null then low else forgeq.least_id((extract(epoch from since + interval '1 day') * 1000)::bigint) end;
    above := greatest(above, low);
    for seen in execute walk using below, above, since, until, most - examined, array(select jsonb_array_elements_text(filter -> 'ids'))::uuid[] loop
      examined := examined + 1;
      pages := pages + seen.more + coalesce((seen.page <> page or several)::int, 0);
      page := seen.page;
      if in_index and examined % 20 = 0 then
        pages := (select coalesce(sum(pg_catalog.pg_stat_get_xact_blocks_fetched(p.id)), 0) from unnest(parts) as p(id)) - read_before;
      end if;
      if seen.wanted then
        ids := ids || seen.id;
        ends := ends || seen.finished_at;
        exit windows when cardinality(ids) > max_jobs;
      end if;
      if not named and (examined = most or pages > most_pages) then
        searched_to := seen.id;
        exit windows;
      end if;
    end loop;
    exit when above = low;
    below := least(below, above);
    oldest := coalesce(oldest, (
      select to_date(right(min(k.relname), 8), 'YYYYMMDD')::timestamp at time zone 'UTC'
      from pg_catalog.pg_class k
      where k.relname >= 'job_history_'::name and k.relname < 'job_history_a'::name and k.relnamespace = 'forgeq'::regnamespace and k.relkind = 'r'));
  end loop;
end
$$;
