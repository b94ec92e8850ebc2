-- The instant at which the first open lease expires, null where there is none. Internal. It moves the mark that open_leases begins at, when many dead leases
-- have come to be above it, or large ones on 60 pages, and looks at the whole table every ten minutes. With plans that know no values: the planner takes the
-- table for nearly empty, and to find no id at all it would read another index to its end.
create or replace function forgeq.earliest_expiry()
returns timestamptz
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
#variable_conflict use_column
declare
  -- As in count_in_flight.
  by_id constant int := 40;
  -- Below this no lease is made any more, nearly always.
  settled_ms bigint := extract(epoch from clock_timestamp() - interval '5 seconds') * 1000;
  mark record;
  whole boolean;
  least uuid := '00000000-0000-0000-0000-000000000000';
  read bigint;
  pages double precision;
  live bigint;
  expires_at timestamptz;
  cut record;
begin
  if pg_relation_size('forgeq.lease') <= 300 * 8192 then
    return (select min(l.expires_at) from forgeq.open_leases() l);
  end if;
  select m.n, m.low, m.open, m.passed, m.whole_at into mark from forgeq.lease_mark m where m.queue = '' order by m.n desc limit 1;
  whole := not found or abs(extract(epoch from clock_timestamp() - mark.whole_at)) >= 600;
  if not whole then
    least := forgeq.least_id(mark.low);
  end if;
  read := pg_stat_get_xact_tuples_returned('forgeq.lease_pkey'::regclass);
  pages := pg_stat_get_xact_blocks_fetched('forgeq.lease'::regclass);
  select min(l.expires_at), count(*) into expires_at, live from forgeq.lease l where l.id >= least;
  read := pg_stat_get_xact_tuples_returned('forgeq.lease_pkey'::regclass) - read;
  pages := pg_stat_get_xact_blocks_fetched('forgeq.lease'::regclass) - pages;
  if not whole then
    expires_at := least(expires_at, (select min(l.expires_at) from forgeq.lease l where l.id = any (mark.open)));
  end if;

  if (whole or read - live > least(500, 60 * read / greatest(pages, 1)) + mark.passed * 1.25) and forgeq.lock_mutex('mark_leases') then
    -- The dead ones above a candidate are estimated, as if leases had been made at a steady rate.
    select c.low, p.passed into cut
    from (select u.ms as low, row_number() over (order by u.ms) - 1 as named, min(u.ms) over () as first
          from forgeq.lease l cross join lateral (select ('x' || left(replace(l.id::text, '-', ''), 12))::bit(48)::bigint as ms) u
          where l.id >= least and l.id < forgeq.least_id(settled_ms)
          union all
          select settled_ms, count(*), null from forgeq.lease l where l.id >= least and l.id < forgeq.least_id(settled_ms)) c
    cross join lateral (
      select (read - live) * (settled_ms - c.low) / greatest(1, settled_ms - coalesce(mark.low, c.first, settled_ms)) as passed) p
    order by by_id * c.named + p.passed, c.low
    limit 1;
    insert into forgeq.lease_mark (queue, n, low, open, passed, whole_at)
    values ('', coalesce(mark.n, 0) + 1, cut.low,
      array(select l.id from forgeq.lease l where not whole and l.id = any (mark.open)
            union
            select l.id from forgeq.lease l where l.id >= least and l.id < forgeq.least_id(cut.low)),
      cut.passed, case when whole then clock_timestamp() else mark.whole_at end)
    on conflict do nothing;
    delete from forgeq.lease_mark m where m.queue = '' and m.n = mark.n;
  end if;
  return expires_at;
end
$$;
