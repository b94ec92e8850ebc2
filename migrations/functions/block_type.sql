-- A lease has come back without having begun: blocks its type, or, where the lease was the probe of a block, puts the next probe off: 1, 2, 4 ... 60 s.
-- Gives the seconds until then. Internal: end_attempts calls it with the lease's row locked. Who takes back several leases does it in the order of their types,
-- so that nobody waits for a row while another one waits for his.
create or replace function forgeq.block_type(lease forgeq.lease, reason jsonb, now_at timestamptz)
returns double precision
language plpgsql
as $$
#variable_conflict use_column
declare
  next_probe_at timestamptz;
begin
  insert into forgeq.type_block as b (type, since, probe_at, reason)
  values (lease.type, now_at, now_at + interval '1 second', block_type.reason)
  on conflict (type) do update
  set probe_at = case when lease.probe then now_at + make_interval(secs => least(60, power(2, least(b.probes, 6) + 1))) else b.probe_at end,
      probes = b.probes + coalesce(lease.probe, false)::int,
      reason = coalesce(excluded.reason, b.reason)
  returning b.probe_at into next_probe_at;
  return greatest(0, extract(epoch from next_probe_at - now_at));
end
$$;
