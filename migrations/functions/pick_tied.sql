-- Free jobs of one queue and priority that are due at one instant and lie on these pages, locked: up to `wanted` of them, in the order of their places.
-- Internal: pick_unblocked calls it. Entries of one instant are in no order that an index could be entered in the middle of, so where many jobs share one,
-- they are examined by the pages of the table.
-- Lock order: jobs (skip locked).
create or replace function forgeq.pick_tied(
  queue text, priority smallint, run_at timestamptz, from_page bigint, to_page bigint, wanted int, blocked text[])
returns table (tid tid, id uuid, type text, start_before timestamptz)
language plpgsql set enable_indexscan = off set enable_indexonlyscan = off set jit = off
as $$
#variable_conflict use_column
declare
  low constant tid := format('(%s,0)', from_page);
  high constant tid := format('(%s,0)', to_page + 1);
begin
  return query
  select j.ctid, j.id, j.type, j.start_before
  from forgeq.job j
  where j.ctid >= low and j.ctid < high and j.queue = pick_tied.queue and j.priority = pick_tied.priority and j.run_at = pick_tied.run_at
    and j.claim_id is null and j.type <> all (blocked)
  limit wanted
  for update skip locked;
end
$$;
