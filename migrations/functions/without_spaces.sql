-- JSON as Postgres writes it, without the spaces between its tokens: as a client sends it, nearly. Internal.
create or replace function forgeq.without_spaces(document text)
returns text
language sql immutable
as $$ select regexp_replace($1, '("(?:[^"\\]|\\.)*")|([:,]) ', '\1\2', 'g') $$;
