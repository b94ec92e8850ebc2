-- Ends a key of the HTTP API. Processes that know it forget it within a minute. Answers whether there is such a key; one that was revoked before stays so.
create or replace function forgeq.revoke_api_key(key_id text)
returns boolean
language sql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
  with revoked as (
    update forgeq.api_key k set revoked_at = coalesce(k.revoked_at, now()) where k.id = revoke_api_key.key_id returning k.id)
  select exists (select from revoked)
$$;
