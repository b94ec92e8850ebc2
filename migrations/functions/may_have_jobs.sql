-- False for a type or a queue that nobody has ever heard of: a list by it is empty without a look at any job. Internal.
create or replace function forgeq.may_have_jobs(type text, queue text)
returns boolean
language sql stable
as $$
  select (may_have_jobs.type is null or exists (select from forgeq.job_type t where t.type = may_have_jobs.type)
           or exists (select from forgeq.metric_series s where s.type = may_have_jobs.type))
     and (may_have_jobs.queue is null or exists (select from forgeq.queue q where q.name = may_have_jobs.queue)
           or exists (select from forgeq.metric_series s where s.queue = may_have_jobs.queue))
$$;
