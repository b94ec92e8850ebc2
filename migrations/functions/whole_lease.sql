-- Every job of a lease with one outcome, as end_attempts takes it. Internal.
create or replace function forgeq.whole_lease(lease forgeq.lease, outcome text, error jsonb, delay_seconds double precision)
returns jsonb
language sql immutable
as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'outcome', outcome, 'error', error, 'delay_seconds', delay_seconds)), '[]')
  from unnest(lease.job_ids) as u(id)
$$;
