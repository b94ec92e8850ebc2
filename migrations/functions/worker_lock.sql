-- The key of an advisory lock of a worker's; see choose_worker. Internal.
create or replace function forgeq.worker_lock(worker uuid, kind int)
returns bigint
language sql immutable
as $$
  select hashtextextended(worker::text, kind)
$$;
