-- Chooses due jobs of one queue that are of none of the blocked types, and locks them: what pick does where types are blocked. Internal. The arrays are pick's.
--
-- Of each priority it examines about 5,000 jobs at most, from `lows` on, and never more pages than these lie on. `ends` says from where on the next call
-- examines it; null: to the end. Where more jobs than that are due at one instant, which an insert of many gives them, they are examined by the pages that they
-- lie on, and the next call begins with a page: `pages`. A watermark is followed by @ and that page then. One that is given back, or moved, to a page that was
-- passed is seen by the next sweep.
-- `highs` bounds a scan of jobs whose place in the order of the queue is needed: see pick_oldest.
-- Lock order: jobs (skip locked).
create or replace function forgeq.pick_unblocked(
  queue text, wanted int, watermarks text[], lows timestamptz[], blocked text[], now_at timestamptz,
  out places tid[], out ids uuid[], out types text[], out priorities smallint[], out run_ats timestamptz[], out late uuid[],
  out highs timestamptz[], out ends timestamptz[], out pages bigint[])
language plpgsql
as $$
#variable_conflict use_column
declare
  examined_rows constant int := 5000;
  -- So many as that many small jobs lie on.
  examined_pages constant int := 120;
  last_page bigint;
  page bigint;
  first timestamptz;
  tied boolean;
  due record;
begin
  places := '{}';
  ids := '{}';
  types := '{}';
  priorities := '{}';
  run_ats := '{}';
  late := '{}';
  highs := array_fill(null::timestamptz, array[10]);
  ends := highs;
  pages := array_fill(null::bigint, array[10]);
  for i in 1 .. 10 loop
    page := substring(watermarks[i] from '@(\d+)$');
    tied := page is not null and isfinite(lows[i]);
    if tied then
      ends[i] := lows[i];
    else
      ends[i] := (select j.run_at from forgeq.job j
                  where j.queue = pick_unblocked.queue and j.priority = (i - 1)::smallint and j.run_at >= lows[i] and j.run_at <= now_at
                  order by j.run_at offset examined_rows limit 1);
      if isfinite(ends[i]) then
        select j.run_at, (j.ctid::text::point)[0]::bigint into first, page
        from forgeq.job j
        where j.queue = pick_unblocked.queue and j.priority = (i - 1)::smallint and j.run_at >= lows[i] and j.run_at <= now_at
        order by j.run_at limit 1;
        tied := first = ends[i];
      end if;
    end if;
    -- Of more than 5,000 jobs those before the instant of the next one.
    highs[i] := case when isfinite(ends[i]) then ends[i] - interval '1 microsecond' else ends[i] end;
    if ends[i] = '-infinity' then
      ends[i] := '4713-01-01 00:00+00 BC';
    end if;
    if tied then
      -- Backwards: the last entry of an instant is of the last page. An equality would be no order.
      last_page := coalesce((select (j.ctid::text::point)[0]::bigint from forgeq.job j
                             where j.queue = pick_unblocked.queue and j.priority = (i - 1)::smallint and j.run_at >= ends[i] and j.run_at <= ends[i]
                             order by j.run_at desc limit 1), -1);
    end if;
    if cardinality(places) < wanted and not tied then
      select array_agg(d.tid) as places, array_agg(d.id) as ids, array_agg(d.type) as types, array_agg(d.run_at) as run_ats, count(*)::int as jobs,
             array_agg(d.id) filter (where d.start_before <= now_at) as late
      into due
      from (
        select j.ctid as tid, j.id, j.type, j.run_at, j.start_before
        from forgeq.job j
        where j.queue = pick_unblocked.queue and j.priority = (i - 1)::smallint and j.run_at >= lows[i] and j.run_at <= least(now_at, highs[i])
          and j.claim_id is null and j.type <> all (blocked)
        order by j.run_at
        limit wanted - cardinality(places)
        for update skip locked) d;
    elsif cardinality(places) < wanted then
      select array_agg(d.tid) as places, array_agg(d.id) as ids, array_agg(d.type) as types, array_agg(ends[i]) as run_ats, count(*)::int as jobs,
             array_agg(d.id) filter (where d.start_before <= now_at) as late
      into due
      from forgeq.pick_tied(pick_unblocked.queue, (i - 1)::smallint, ends[i], page, least(last_page, page + examined_pages - 1),
        wanted - cardinality(places), blocked) d;
      if due.jobs = wanted - cardinality(places) then
        pages[i] := (due.places[due.jobs]::text::point)[0];
      elsif page + examined_pages <= last_page then
        pages[i] := page + examined_pages;
      else
        ends[i] := ends[i] + interval '1 microsecond';
      end if;
    else
      -- Examined by a later call, from where it would have been by this one.
      pages[i] := case when tied and ends[i] = lows[i] then page end;
      continue;
    end if;
    places := places || due.places;
    ids := ids || due.ids;
    types := types || due.types;
    run_ats := run_ats || due.run_ats;
    priorities := priorities || array_fill((i - 1)::smallint, array[due.jobs]);
    late := late || due.late;
  end loop;
end
$$;
