-- Stores a key of the HTTP API by its hash, for so many days, or without an end where days is null. Sent again it changes nothing: the row is what is stored.
-- Who may call it can make no key that is let in without FORGEQ_SECRET: see find_api_key.
create or replace function forgeq.create_api_key(
  id text, sha256 text, scopes text[], types text[], queues text[], label text, created_by text, days int)
returns table (created_at timestamptz, expires_at timestamptz)
language sql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
  insert into forgeq.api_key as k (id, sha256, scopes, types, queues, label, created_by, expires_at)
  values (create_api_key.id, create_api_key.sha256, create_api_key.scopes, create_api_key.types, create_api_key.queues, create_api_key.label,
          create_api_key.created_by, now() + make_interval(days => create_api_key.days))
  on conflict (id) do update set id = excluded.id
  returning k.created_at, k.expires_at
$$;
