-- A key by its id, unless it was revoked. Asked for keys alone whose check is right, and once a minute by each process. Notes the day of its use, so it writes
-- once a day.
create or replace function forgeq.find_api_key(key_id text)
returns table (sha256 text, scopes text[], types text[], queues text[], expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
begin
  update forgeq.api_key k set last_used_on = current_date
  where k.id = key_id and k.revoked_at is null and k.last_used_on is distinct from current_date;
  return query
    select k.sha256, k.scopes, k.types, k.queues, k.expires_at from forgeq.api_key k where k.id = key_id and k.revoked_at is null;
end
$$;
