-- A live job as a list shows it, with the lease that holds it, or none. Its state is derived: from its claim, its lease, and the instant. `last_began_at` and
-- `last_error` are of its newest attempt that has ended. See list_row.
create or replace function forgeq.live_row(
  job forgeq.job, lease forgeq.lease, last_began_at timestamptz, last_error jsonb, now_at timestamptz, with_payload boolean)
returns setof forgeq.listed_job
language sql stable rows 1
as $$
  select l.*
  from forgeq.history_row(job, null, job.attempt, null, last_error, lease.id, coalesce(lease.began_at, last_began_at), null) h
  cross join lateral forgeq.list_row(
    h,
    case when lease.began_at is not null then 'running' when job.claim_id is not null then 'leased'
         when job.run_at > now_at then 'scheduled' else 'pending' end,
    lease.progress -> (job.id::text), with_payload) l
$$;
