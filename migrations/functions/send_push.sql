-- Sends a worker the jobs that were begun for it, with the commit of the caller's transaction: the code of the message, a line break, the message. The code is
-- sha256(key || sha256(key || message)), so that only who reads the key can make one; the key and the channel are those of the worker's offer, which no
-- other role can read. Internal: enqueue_lines calls it. See docs/adr/0021.
create or replace function forgeq.send_push(worker uuid, message text)
returns void
language plpgsql
as $$
#variable_conflict use_column
declare
  offer record;
begin
  select w.channel, w.key into offer from forgeq.worker_capacity w where w.worker = send_push.worker;
  if offer.key is not null then
    perform pg_notify(offer.channel, encode(sha256(offer.key || sha256(offer.key || convert_to(message, 'UTF8'))), 'hex') || E'\n' || message);
  end if;
end
$$;
