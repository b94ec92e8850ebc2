-- The oldest due job of a queue whose priority number is higher than `above` and that was due before `before`: locked, or no row where somebody else has it.
-- `lows` and `highs` bound the scan of each priority, as in pick, which calls it. Internal.
create or replace function forgeq.pick_oldest(
  queue text, above int, lows timestamptz[], highs timestamptz[], blocked text[], now_at timestamptz, before timestamptz)
returns table (tid tid, id uuid, type text, priority smallint, run_at timestamptz, start_before timestamptz)
language plpgsql
as $$
#variable_conflict use_column
declare
  oldest record;
begin
  select first.id, first.run_at into oldest
  from generate_series(above + 1, 9) as p(priority)
  cross join lateral (
    select j.id, j.run_at
    from forgeq.job j
    where j.queue = pick_oldest.queue and j.priority = p.priority::smallint
      and j.run_at >= lows[p.priority + 1] and j.run_at <= least(now_at, highs[p.priority + 1])
      and j.claim_id is null and j.type <> all (blocked)
    order by j.run_at
    limit 1) first
  order by first.run_at
  limit 1;
  if oldest.run_at < before then
    -- Read again by id and run_at: the row may have moved since, and its old place be empty.
    return query
    select j.ctid, j.id, j.type, j.priority, j.run_at, j.start_before
    from forgeq.job j where j.id = oldest.id and j.claim_id is null and j.run_at = oldest.run_at for update skip locked;
  end if;
end
$$;
