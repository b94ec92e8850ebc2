-- Makes leases of jobs that were picked: one per type and batch, or, begun for a worker, one per type, and one per job of a type without batches. Internal:
-- claim and settle_and_take call it for jobs that they hold locked. The arrays describe the same jobs in the same order.
--
-- begun_by: null makes leases that expire after dispatch_seconds unless an invocation begins them; a worker's id makes them begun, for their type's
-- lease_seconds.
-- Answers [{id, ordinal, type, jobs}] in the order of their most urgent job, `jobs` being their number; of begun leases also {queue, lease_seconds,
-- max_attempts, ids}: max_attempts is the type's, and `ids` the jobs in the order in which they are due. `ids` is null for a single lease where the caller says
-- that its rows are `in_order`, and max_attempts where there are several leases. `seq`: see make_lease.
create or replace function forgeq.make_leases(
  claim_id uuid, queue text, ids uuid[], types text[], priorities smallint[], run_ats timestamptz[], dispatch_seconds double precision,
  begun_by uuid, invocation text, in_order boolean, seq bigint, now_at timestamptz)
returns jsonb
language plpgsql
as $$
#variable_conflict use_column
declare
  n int := cardinality(ids);
  of_type record;
  made record;
  lease uuid;
  seconds double precision := dispatch_seconds;
  leases jsonb := '[]';
begin
  select t.lease_seconds, t.batch_size, t.max_attempts into of_type from forgeq.job_type t where t.type = types[1];
  -- Jobs of one type in one batch, nearly always: then nothing has to be grouped.
  if n = 1 or ((n <= of_type.batch_size or (begun_by is not null and of_type.batch_size > 1)) and types[1] = all (types)) then
    lease := forgeq.uuid_v7();
    if begun_by is null then
      leases := jsonb_build_array(jsonb_build_object('id', lease, 'ordinal', 1, 'type', types[1], 'jobs', n));
    else
      seconds := coalesce(of_type.lease_seconds, 60);
      leases := jsonb_build_array(jsonb_build_object('id', lease, 'ordinal', 1, 'type', types[1], 'jobs', n, 'queue', queue, 'lease_seconds', seconds,
        'max_attempts', of_type.max_attempts, 'ids', case when not in_order then ids end));
    end if;
    perform forgeq.make_lease(lease, claim_id, 1, queue, types[1], ids, seconds, begun_by, invocation, '', seq, now_at);
    return leases;
  end if;

  for made in
    with batched as (
      select j.id, j.type, j.priority, j.run_at, t.lease_seconds,
             case when begun_by is null or t.batch_size = 1
               then (row_number() over (partition by j.type order by j.priority, j.run_at, j.id) - 1) / coalesce(t.batch_size, 1) end as batch
      from unnest(ids, types, priorities, run_ats) as j(id, type, priority, run_at)
      left join forgeq.job_type t on t.type = j.type)
    select forgeq.uuid_v7() as lease, b.type, array_agg(b.id order by b.priority, b.run_at, b.id) as job_ids, min(b.lease_seconds) as lease_seconds,
           (row_number() over (order by min(b.priority), min(b.run_at), b.type, b.batch))::int as ordinal
    from batched b
    group by b.type, b.batch
    order by ordinal
  loop
    if begun_by is null then
      leases := leases || jsonb_build_object('id', made.lease, 'ordinal', made.ordinal, 'type', made.type, 'jobs', cardinality(made.job_ids));
    else
      seconds := coalesce(made.lease_seconds, 60);
      leases := leases || jsonb_build_object('id', made.lease, 'ordinal', made.ordinal, 'type', made.type, 'jobs', cardinality(made.job_ids), 'queue', queue,
        'lease_seconds', seconds, 'ids', made.job_ids);
    end if;
    perform forgeq.make_lease(made.lease, claim_id, made.ordinal, queue, made.type, made.job_ids, seconds, begun_by, invocation, '', seq, now_at);
  end loop;
  return leases;
end
$$;
