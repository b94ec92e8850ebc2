-- Counts the jobs in flight of a limited queue, exactly, and gives the seq for the leases that the caller is about to make. Internal: the caller holds the
-- queue's row since an earlier statement, so whoever held it before has committed, and its leases are seen.
--
-- Every new lease has a seq above the queue's newest mark, and the mark names the open leases that are not above it. So the count reads the leases above the
-- mark, and those by their id. A long transaction keeps dead leases above the mark: when they have become many, the mark is moved past them. The new one is a
-- new row, because a row that is updated leaves dead versions to be walked, too.
--
-- A queue that has just got a limit has leases without a seq: then the table is counted, until these are gone, and so are all transactions that may still
-- make one because they have read the queue's row before the limit was set. Those are all of them, because leases are made in read committed only.
create or replace function forgeq.count_in_flight(queue text, out jobs int, out seq bigint)
language plpgsql
as $$
#variable_conflict use_column
declare
  -- Reading one lease by its id costs about as much as passing this many dead ones; fewer where leases are so large that a page has few of them.
  by_id double precision := 40;
  pages double precision;
  mark record;
  cut record;
  read bigint;
  live bigint;
  unnumbered bigint;
  readers text[];
begin
  select m.n, m.low, m.open, m.passed, m.awaits into mark
  from forgeq.lease_mark m where m.queue = count_in_flight.queue order by m.n desc limit 1;
  if not found or mark.awaits is not null then
    -- Whoever has read the queue's row holds this lock to its end. Looked for before the count: what such a transaction has made is seen by it. A prepared one
    -- has another virtual id.
    readers := array(select k.virtualtransaction from pg_locks k
                     where k.relation = 'forgeq.queue'::regclass and k.pid is distinct from pg_backend_pid()
                       and k.database = (select d.oid from pg_database d where d.datname = current_database()));
    select coalesce(sum(l.open_jobs), 0), count(*) filter (where l.seq is null), coalesce(max(l.seq), 0) + 1 into jobs, unnumbered, seq
    from forgeq.lease l where l.queue = count_in_flight.queue;
    if mark.n is null then
      insert into forgeq.lease_mark (queue, n, low, open, passed, awaits)
      values (count_in_flight.queue, 1, 0, '{}', 0, readers);
    elsif unnumbered = 0 and not exists (select from unnest(readers) as r(id) where r.id = any (mark.awaits) or r.id like '-1/%') then
      update forgeq.lease_mark m set awaits = null where m.queue = count_in_flight.queue and m.n = mark.n;
    end if;
    return;
  end if;

  -- Entries of the index that the count comes by, also those of dead leases.
  read := pg_stat_get_xact_tuples_returned('forgeq.lease_flight'::regclass);
  pages := pg_stat_get_xact_blocks_fetched('forgeq.lease'::regclass);
  select coalesce(sum(l.open_jobs), 0), count(*), coalesce(max(l.seq), 0) into jobs, live, seq
  from forgeq.lease l where l.queue = count_in_flight.queue and l.seq > mark.low;
  read := pg_stat_get_xact_tuples_returned('forgeq.lease_flight'::regclass) - read;
  pages := pg_stat_get_xact_blocks_fetched('forgeq.lease'::regclass) - pages;
  seq := greatest(seq, mark.low + read) + 1;
  if mark.open <> '{}' then
    jobs := jobs + (select coalesce(sum(l.open_jobs), 0) from forgeq.lease l where l.id = any (mark.open));
  end if;

  if read - live > least(64, 24 * read / greatest(pages, 1)) + mark.passed * 1.25 then
    by_id := greatest(8, least(40, 4 * read / greatest(pages, 1)));
    select c.low, p.passed into cut
    from (select l.seq - 1 as low, rank() over (order by l.seq) - 1 as named
          from forgeq.lease l where l.queue = count_in_flight.queue and l.seq > mark.low
          union all
          select count_in_flight.seq - 1, live) c
    cross join lateral (select greatest(0, count_in_flight.seq - 1 - c.low - (live - c.named)) as passed) p
    order by by_id * c.named + p.passed, c.low
    limit 1;
    insert into forgeq.lease_mark (queue, n, low, open, passed)
    values (count_in_flight.queue, mark.n + 1, cut.low,
      array(select l.id from forgeq.lease l where l.id = any (mark.open)
            union all
            select l.id from forgeq.lease l where l.queue = count_in_flight.queue and l.seq > mark.low and l.seq <= cut.low), cut.passed);
    delete from forgeq.lease_mark m where m.queue = count_in_flight.queue and m.n = mark.n;
  end if;
end
$$;
