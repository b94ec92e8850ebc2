-- Keys of the HTTP API, the oldest first, those that were revoked included, and never a hash. At most max_keys, after the one with the id after_id; after none
-- where it is empty.
create or replace function forgeq.list_api_keys(after_id text, max_keys int)
returns table (id text, scopes text[], types text[], queues text[], label text, created_by text, created_at timestamptz, expires_at timestamptz,
  revoked_at timestamptz, last_used_on date)
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp set jit = off set lock_timeout = '4s'
as $$
  select k.id, k.scopes, k.types, k.queues, k.label, k.created_by, k.created_at, k.expires_at, k.revoked_at, k.last_used_on
  from forgeq.api_key k
  where list_api_keys.after_id = ''
     or (k.created_at, k.id) > (select a.created_at, a.id from forgeq.api_key a where a.id = list_api_keys.after_id)
  order by k.created_at, k.id
  limit list_api_keys.max_keys
$$;
