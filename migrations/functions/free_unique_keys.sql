-- Frees the unique keys of jobs that ended. Internal. Lock order: the keys, sorted.
create or replace function forgeq.free_unique_keys(of_type text, keys text[]) returns void
language plpgsql
as $$
declare
  each text;
begin
  for each in select k from unnest(keys) k order by k loop
    delete from forgeq.unique_key u where u.type = of_type and u.key = each;
  end loop;
end
$$;
