-- Watermarks with the pages from where on the next call examines the jobs of a priority that are due at the instant of its watermark: see pick_unblocked. A
-- page whose instant is not the watermark is left out: then these jobs are examined from their first page. Null without watermarks. Internal.
create or replace function forgeq.with_pages(watermarks text[], ends timestamptz[], pages bigint[])
returns text[]
language sql stable
as $$
  select array_agg(w.mark || case when w.mark::timestamptz = w.ends and w.page is not null then '@' || w.page else '' end order by w.n)
  from unnest(watermarks, ends, pages) with ordinality as w(mark, ends, page, n)
  where watermarks is not null
$$;
