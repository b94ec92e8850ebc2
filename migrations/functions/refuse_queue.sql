-- Refuses the nth item of enqueue_many, from 1, because its queue is not there or its type may not go there. Internal.
create or replace function forgeq.refuse_queue(jobs jsonb, n bigint)
returns void
language plpgsql
as $$
#variable_conflict use_column
declare
  bad record;
begin
  select t.type, coalesce(i.item ->> 'queue', t.queue) as queue, q.name is not null as there into bad
  from (select jobs -> (n - 1)::int as item) i
  join forgeq.job_type t on t.type = i.item ->> 'type'
  left join forgeq.queue q on q.name = coalesce(i.item ->> 'queue', t.queue);
  raise exception using errcode = 'FQ006', detail = json_build_object('index', n - 1, 'queue', bad.queue),
    message = case when bad.there then format('jobs of type %s may not go to the queue %s: neither the type nor an operator lists it', bad.type, bad.queue)
                   else format('there is no queue %s', bad.queue) end;
end
$$;
