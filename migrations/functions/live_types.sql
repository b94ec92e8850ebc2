-- The types that have live jobs, as the counters say: no job is read.
create or replace function forgeq.live_types()
returns table (type text)
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
begin
  return query
  select m.type
  from forgeq.metric_now m
  where m.name in ('enqueued', 'retried', 'finished_completed', 'finished_dead', 'finished_cancelled')
    and exists (select from forgeq.job_type t where t.type = m.type)
  group by m.type
  having sum(case when m.name in ('enqueued', 'retried') then m.value else -m.value end) > 0
  order by m.type;
end
$$;
