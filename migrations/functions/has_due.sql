-- Has this queue a free job that is due, and not below these instants, one for each priority? Internal: pick calls it.
create or replace function forgeq.has_due(queue text, lows timestamptz[], now_at timestamptz)
returns boolean
language plpgsql
as $$
begin
  return exists (
    select from unnest(lows) with ordinality as p(low, n)
    cross join lateral (
      select from forgeq.job j
      where j.queue = has_due.queue and j.priority = (p.n - 1)::smallint and j.run_at >= p.low and j.run_at <= now_at and j.claim_id is null
      limit 1) due);
end
$$;
