-- May this transaction notify? Internal.
--
-- Postgres lets one transaction that notifies commit at a time, which would make callers wait for each other's disk writes. So only one at a time does,
-- and the others send a statement of their own once they have committed. Nor may it where the notifications that a listener has not read fill half of
-- their room: full, a commit would fail.
create or replace function forgeq.may_notify()
returns boolean
language sql volatile security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
  select pg_try_advisory_xact_lock(hashtextextended('forgeq.hint_workers', 2)) and pg_notification_queue_usage() <= 0.5
$$;
