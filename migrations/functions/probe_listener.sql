-- Notifies a worker's own channel of `probe`, with the commit of the caller's transaction: that it arrives proves that pushes to this worker would arrive, too.
-- Null where no probe was asked for. False, and nothing is sent, where the notifications that some listener has not read fill half of their room: full, a
-- commit would fail, and may_notify refuses pushes there anyway. See docs/adr/0020. Waits for the commits of others that notify, as every notification does.
create or replace function forgeq.probe_listener(channel text, probe text)
returns boolean
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
begin
  if probe is null or channel is null then
    return null;
  end if;
  if pg_notification_queue_usage() > 0.5 then
    return false;
  end if;
  perform pg_notify(channel, probe);
  return true;
end
$$;
