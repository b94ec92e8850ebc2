-- False for types or queues that nobody has ever heard of: a list by them is empty without a look at any job. Null types or queues are all. Internal.
create or replace function forgeq.may_have_jobs(types text[], queues text[])
returns boolean
language sql stable
as $$
  select (types is null or exists (select from forgeq.job_type t where t.type = any (types))
           or exists (select from forgeq.metric_series s where s.type = any (types)))
     and (queues is null or exists (select from forgeq.queue q where q.name = any (queues))
           or exists (select from forgeq.metric_series s where s.queue = any (queues)))
$$;
