-- The queues in which jobs that a filter takes can be: those that it names, or those to which its types may go or have gone, or all. Internal: find_live.
create or replace function forgeq.filter_queues(filter jsonb)
returns text[]
language sql stable
as $$
  select case when filter ? 'queues' then array(select jsonb_array_elements_text(filter -> 'queues'))
    when filter ? 'types' then array(
      select t.queue from forgeq.job_type t where filter -> 'types' ? t.type
      union select u.name from forgeq.job_type t cross join unnest(t.listed_queues) as u(name) where filter -> 'types' ? t.type
      union select q.name from forgeq.queue q cross join unnest(q.listed_types) as u(type) where filter -> 'types' ? u.type
      union select s.queue from forgeq.metric_series s where filter -> 'types' ? s.type)
    else array(select q.name from forgeq.queue q) end
$$;
