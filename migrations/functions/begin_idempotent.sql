-- The first statement of a transaction that does what a caller of the HTTP API has named by a key: who comes with the same key meanwhile waits for its end, 2 s
-- at most. outcome: 'first' (do the work, then call end_idempotent in the same transaction), 'again' with the first answer, or 'reused': the key was
-- sent with another request. Of a key that is older than a day nothing is known.
-- Lock order: the key, before everything else of the transaction.
create or replace function forgeq.begin_idempotent(caller text, key text, fingerprint text)
returns table (outcome text, status smallint, answer text, headers json)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '2s'
  set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  known record;
begin
  delete from forgeq.idempotency i
  where i.caller = begin_idempotent.caller and i.key = begin_idempotent.key and i.created_at <= clock_timestamp() - interval '1 day';
  loop
    insert into forgeq.idempotency (caller, key, fingerprint, created_at)
    values (begin_idempotent.caller, begin_idempotent.key, begin_idempotent.fingerprint, clock_timestamp())
    on conflict do nothing;
    if found then
      outcome := 'first';
      exit;
    end if;
    select i.fingerprint, i.status, i.answer, i.headers into known
    from forgeq.idempotency i where i.caller = begin_idempotent.caller and i.key = begin_idempotent.key;
    -- It may have been purged in this moment.
    if found then
      outcome := case when known.fingerprint = begin_idempotent.fingerprint then 'again' else 'reused' end;
      status := known.status;
      answer := known.answer;
      headers := known.headers;
      exit;
    end if;
  end loop;
  return next;
end
$$;
