-- The conditions of a filter on what a row itself holds, as text of SQL: what costs little is compared first, and only of a row that passes is the rest read.
-- `of` is the alias of forgeq.job (j) or forgeq.job_history (h); conditions on states, ids and, of live jobs, errors are the callers'. Internal: find_live and
-- find_finished. A filter: {states, types, queues, ids: lists; unique_key, error, fingerprint: texts; low, high: an id at or after, and before;
-- payload, metadata: [{path, value}]}, each absent for all jobs. Every value is quoted. A condition of another name is an error: a caller that is newer than
-- this function would otherwise act on jobs that it did not mean.
create or replace function forgeq.filter_condition(filter jsonb, of text)
returns text
language plpgsql stable
as $$
declare
  cheap text[] := '{}';
  dear text[] := '{}';
  at_path record;
begin
  if filter - '{states,types,queues,ids,unique_key,error,fingerprint,low,high,payload,metadata}'::text[] <> '{}' then
    raise exception 'a filter has a condition that this schema does not know' using errcode = 'invalid_parameter_value';
  end if;
  if filter ? 'types' then
    cheap := cheap || format('%s.type = any (%L::text[])', of, array(select jsonb_array_elements_text(filter -> 'types')));
  end if;
  if filter ? 'queues' then
    cheap := cheap || format('%s.queue = any (%L::text[])', of, array(select jsonb_array_elements_text(filter -> 'queues')));
  end if;
  if filter ? 'unique_key' then
    cheap := cheap || format('%s.unique_key = %L', of, filter ->> 'unique_key');
  end if;
  for at_path in select * from jsonb_to_recordset(filter -> 'metadata') as p(path text[], value text) loop
    dear := dear || format('%s.metadata #>> %L::text[] = %L', of, at_path.path, at_path.value);
  end loop;
  if of = 'h' then
    if filter ? 'error' then
      dear := dear || format('strpos(lower(concat(h.error ->> ''name'', '': '', h.error ->> ''message'')), lower(%L)) > 0', filter ->> 'error');
    end if;
    if filter ? 'fingerprint' then
      dear := dear || format('forgeq.error_fingerprint(h.error) = %L', filter ->> 'fingerprint');
    end if;
  end if;
  for at_path in select * from jsonb_to_recordset(filter -> 'payload') as p(path text[], value text) loop
    dear := dear || format('forgeq.payload_text(%s.payload, %L::text[]) = %L', of, at_path.path, at_path.value);
  end loop;
  return format('coalesce(case when %s then %s else false end, false)',
    coalesce(nullif(array_to_string(cheap, ' and '), ''), 'true'), coalesce(nullif(array_to_string(dear, ' and '), ''), 'true'));
end
$$;
