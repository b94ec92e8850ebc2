-- Tells workers that listen that jobs of this queue are due, with the commit of the caller's transaction; see lib/db/listen.ts. Internal.
--
-- Postgres lets one transaction that notifies commit at a time, which would make callers wait for each other's disk writes. So only one at a time does,
-- and the others are told to send a statement of their own once they have committed. Nor does it where the notifications
-- that a listener has not read fill half of their room: full, a commit would fail.
create or replace function forgeq.hint_workers(queue text)
returns boolean
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended('forgeq.hint_workers', 2)) or pg_notification_queue_usage() > 0.5 then
    return false;
  end if;
  perform pg_notify('forgeq_wake', json_build_object('seconds', 0, 'queue', queue)::text);
  return true;
end
$$;
