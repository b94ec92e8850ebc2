-- Gives `at`, the instant that a caller sets in place of the database's clock, to the owner of the schema, and refuses it to everybody else: a stranger could
-- purge the history by it, or take running jobs away. Internal: every function with such a parameter asks it first.
-- Strict, so that Postgres does not call it where there is none.
-- Inside a definer function current_user is the owner whoever calls, and session_user is who logged in, also after `set role`; only the setting tells.
create or replace function forgeq.as_owner(at timestamptz)
returns timestamptz
language plpgsql stable strict security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
begin
  if not pg_has_role(case current_setting('role') when 'none' then session_user else current_setting('role')::name end, current_user, 'usage') then
    raise exception 'forgeq: only the owner of the schema sets the time' using errcode = '42501';
  end if;
  return at;
end
$$;
