-- Makes one lease of jobs whose rows carry this claim already, or will in this transaction. Internal: the only place that inserts a lease. With begun_by it is
-- begun by that worker. Seconds: until it expires. `tally`: what its jobs have been counted as already, see metric_end.
-- `seq`: of a limited queue, as count_in_flight gave it.
create or replace function forgeq.make_lease(
  id uuid, claim_id uuid, ordinal int, queue text, type text, job_ids uuid[], seconds double precision, begun_by uuid, invocation text, tally bytea,
  seq bigint, now_at timestamptz)
returns void
language plpgsql
as $$
begin
  insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at, began_at, begun_by, invocation, tally, seq)
  values ($1, $2, $3, $4, $5, $6, cardinality($6), now_at, now_at + make_interval(secs => seconds), case when $8 is not null then now_at end, $8, $9, $10, $11);
end
$$;
