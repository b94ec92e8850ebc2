-- Stores one job, inside any transaction and from any client:
--   select * from forgeq.enqueue('send_email', '{"email": "test@example.com"}');
-- What is left out comes from the job's type. `created` is false where a job of that id, or a live job with that unique key, was there: `job_id` is that job's.
-- See enqueue_many for guarantees, errors and locks, and enqueue_or_refuse for an answer where this raises an error.
create or replace function forgeq.enqueue(
  type text, payload jsonb, queue text default null, priority int default null, run_at timestamptz default null,
  delay_seconds double precision default null, max_attempts int default null, unique_key text default null,
  metadata jsonb default null, id uuid default null, on_conflict text default null, at timestamptz default null,
  start_before timestamptz default null)
returns table (job_id uuid, created boolean, due_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set lock_timeout = '4s'
as $$
begin
  return query
  select e.id, e.created, e.run_at
  from forgeq.enqueue_many(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
      'id', $10, 'type', $1, 'queue', $3, 'priority', $4, 'run_at', $5, 'delay_seconds', $6, 'max_attempts', $7, 'unique_key', $8,
      'on_conflict', $11, 'start_before', $13))
    || jsonb_build_object('payload', $2) || case when $9 is null then '{}' else jsonb_build_object('metadata', $9) end), $10 is null, $12) e;
end
$$;
