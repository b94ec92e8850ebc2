-- An error without what differs from one time to the next: {name, message, frame}. Ids and numbers of the message are #; frame is the first line of the stack
-- that is neither a library's nor Node.js' own, without line numbers. Null without an error. Internal.
create or replace function forgeq.error_essence(error jsonb)
returns jsonb
language sql immutable parallel safe
as $$
  select jsonb_build_object(
    'name', left(case jsonb_typeof(error) when 'object' then coalesce(error ->> 'name', 'Error') else 'Error' end, 100),
    'message', regexp_replace(
      left(case jsonb_typeof(error) when 'object' then coalesce(error ->> 'message', '') when 'string' then error #>> '{}' else '' end, 400),
      '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\m[0-9a-f]*[0-9][0-9a-f]{15,}\M|[0-9]+', '#', 'gi'),
    'frame', case when jsonb_typeof(error -> 'stack') = 'string' then (
      select regexp_replace(left(f.line, 300), '(:[0-9]+)+(\)?)$', '\2')
      from regexp_split_to_table(left(error ->> 'stack', 4000), '\n') with ordinality as l(line, n)
      cross join lateral (select btrim(l.line, E' \t\r') as line) f
      where f.line ~ '^at ' and f.line !~ 'node_modules|node:|<anonymous>'
      order by l.n limit 1) end)
  where jsonb_typeof(error) <> 'null'
$$;
