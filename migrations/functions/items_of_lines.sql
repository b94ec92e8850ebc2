-- The jobs of an enqueue_lines call as items of enqueue_many. `type` is that of jobs whose details name none. Internal.
create or replace function forgeq.items_of_lines(ids uuid[], payloads text, type text, own_queue text, details text)
returns jsonb
language sql
as $$
  select jsonb_agg(jsonb_build_object('type', $3) || coalesce(i.more, '{}')
           || jsonb_strip_nulls(jsonb_build_object('id', i.id, 'queue', $4)) || jsonb_build_object('payload', i.payload) order by i.n)
  from (select generate_subscripts($1, 1) as n, unnest($1) as id, string_to_table($2, E'\n')::jsonb as payload,
               string_to_table($5, E'\n')::jsonb as more) i
$$;
