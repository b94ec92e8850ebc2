-- What lies at a path of a payload, as text: null where there is nothing, or null, or what is no text of PostgreSQL's (\u0000, half a surrogate pair), which
-- the protocol refuses, but a row that was written by hand may have. Internal: search compares it, and the indexes of declared search are made of it, so what
-- it gives for a payload never changes.
create or replace function forgeq.payload_text(payload json, path text[])
returns text
language plpgsql immutable parallel safe
as $$
begin
  if strpos(payload::text, '\u') = 0 then
    return payload #>> path;
  end if;
  begin
    return payload #>> path;
  exception when untranslatable_character or invalid_text_representation then
    return null;
  end;
end
$$;
