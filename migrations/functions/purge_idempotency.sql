-- Deletes up to max_rows answers that were kept for a day; gives their number. Internal: purge calls it.
create or replace function forgeq.purge_idempotency(max_rows int, now_at timestamptz)
returns int
language plpgsql
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  gone int;
begin
  delete from forgeq.idempotency i
  where i.ctid = any (array(
    select o.ctid from forgeq.idempotency o where o.created_at <= now_at - interval '1 day' order by o.created_at limit max_rows for update skip locked));
  get diagnostics gone = row_count;
  return gone;
end
$$;
