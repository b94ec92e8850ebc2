-- The instants of watermarks, without the pages that with_pages adds to some of them. Internal.
create or replace function forgeq.without_pages(watermarks text[])
returns timestamptz[]
language sql stable
as $$
  select array_agg(split_part(w.mark, '@', 1)::timestamptz order by w.n) from unnest(watermarks) with ordinality as w(mark, n)
$$;
