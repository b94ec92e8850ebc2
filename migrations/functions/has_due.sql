-- Has this queue a free job that is due, and not below these instants, one for each priority? Internal: pick calls it. A sweep that has passed many entries of
-- jobs that have ended moves the marks, as in pick.
create or replace function forgeq.has_due(queue text, lows timestamptz[], now_at timestamptz)
returns boolean
language plpgsql
as $$
declare
  entries constant bigint := case when lows[1] = '-infinity' then 1000 + pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) end;
  due boolean;
begin
  due := exists (
    select from unnest(lows) with ordinality as p(low, n)
    cross join lateral (
      select from forgeq.job j
      where j.queue = has_due.queue and j.priority = (p.n - 1)::smallint and j.run_at >= p.low and j.run_at <= now_at and j.claim_id is null
      limit 1) due);
  if entries is not null and pg_stat_get_xact_tuples_returned('forgeq.job_due'::regclass) > entries then
    perform forgeq.keep_marks(has_due.queue);
  end if;
  return due;
end
$$;
