-- The last statement of a transaction that begin_idempotent began: keeps its answer, which becomes known with the commit.
create or replace function forgeq.end_idempotent(caller text, key text, status int, answer text, headers json)
returns void
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '4s' set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
begin
  update forgeq.idempotency i
  set status = end_idempotent.status, answer = end_idempotent.answer, headers = end_idempotent.headers
  where i.caller = end_idempotent.caller and i.key = end_idempotent.key;
end
$$;
