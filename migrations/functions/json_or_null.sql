-- A JSON text of ASCII letters as JSON, and null where the database's encoding has no letter for what one of its escapes says: a result that can't be kept
-- must not abort the transaction that it is part of.
create or replace function forgeq.json_or_null(content text)
returns jsonb
language plpgsql stable
as $$
begin
  return content::jsonb;
exception when untranslatable_character then
  return null;
end
$$;
