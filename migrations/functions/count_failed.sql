-- How many jobs are in these states, dead or cancelled, by queue and type, each in its newest life: up to max_counted of each state, oldest partitions first.
-- Then, for each state, a row without a queue, whose `complete` says whether all were counted; otherwise the numbers are lower bounds. Read from their index
-- alone, and summed up here: a row for each run of a queue and type would be too many for memory.
--
-- Where vacuum has not come by, each of them may read a page of the table: a count ends after max_pages of those, of all partitions together.
create or replace function forgeq.count_failed(states text[], max_counted int default 500000, max_pages int default 400)
returns table (state text, queue text, type text, jobs bigint, complete boolean)
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set max_parallel_workers_per_gather = 0 set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  part record;
  -- Rows of one queue and type that lie one after the other.
  seen record;
  run bigint;
  place int;
  names text[];
  queues text[];
  types text[];
  sums bigint[];
  counted int;
  pages bigint;
begin
  foreach state in array states loop
    counted := 0;
    pages := 0;
    complete := true;
    run := 0;
    names := '{}';
    queues := '{}';
    types := '{}';
    sums := '{}';
    <<parts>>
    for part in
      select k.id, k.from_at, coalesce(lead(k.from_at) over (order by k.from_at), 'infinity') as to_at
      from (
        select c.oid as id, to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp at time zone 'UTC' as from_at
        from pg_catalog.pg_class c
        where c.relname >= 'job_history_'::name and c.relname < 'job_history_a'::name and c.relnamespace = 'forgeq'::regnamespace
          and c.relispartition and c.relkind = 'r' offset 0) k
      order by k.from_at
    loop
      pages := pages - coalesce(pg_stat_get_xact_blocks_fetched(part.id), 0);
      -- Its name says when it begins. By its bounds, so that one that is dropped now is nothing.
      for seen in execute format(
        'select h.queue, h.type from forgeq.job_history h
         where h.state = %L and h.revived is null and h.finished_at >= %L and h.finished_at < %L order by h.id', state, part.from_at, part.to_at)
      loop
        if run = 0 or seen.queue <> queue or seen.type <> type then
          if run > 0 then
            sums[place] := sums[place] + run;
            run := 0;
          end if;
          queue := seen.queue;
          type := seen.type;
          place := array_position(names, queue || ' ' || type);
          if place is null then
            names := array_append(names, queue || ' ' || type);
            queues := array_append(queues, queue);
            types := array_append(types, type);
            sums := array_append(sums, 0::bigint);
            place := cardinality(names);
          end if;
        end if;
        run := run + 1;
        counted := counted + 1;
        complete := counted < max_counted and (counted % 20 > 0 or pages + coalesce(pg_stat_get_xact_blocks_fetched(part.id), 0) < max_pages);
        exit parts when not complete;
      end loop;
      pages := pages + coalesce(pg_stat_get_xact_blocks_fetched(part.id), 0);
    end loop;
    if run > 0 then
      sums[place] := sums[place] + run;
    end if;
    for n in 1 .. cardinality(names) loop
      queue := queues[n];
      type := types[n];
      jobs := sums[n];
      return next;
    end loop;
    queue := null;
    type := null;
    jobs := null;
    return next;
  end loop;
end
$$;
