-- Makes leases of jobs that were picked: one per type and batch, or, begun for a worker, one per type, and one per job of a type without batches. Internal:
-- claim_jobs and settle_and_take call it for jobs that they hold locked. The arrays describe the same jobs in the same order.
--
-- begun_by: null makes leases that expire after dispatch_seconds unless an invocation begins them; a worker's id makes them begun, for their type's
-- lease_seconds.
-- Answers [{id, ordinal, type, queue, jobs, lease_seconds, max_attempts, ids}] in the order of their most urgent job: `jobs` is their number, max_attempts the
-- type's, and `ids` the jobs in the order in which they are due. `ids` is null for a single lease where the caller says that its rows are `in_order`.
create or replace function forgeq.make_leases(
  claim_id uuid, queue text, ids uuid[], types text[], priorities smallint[], run_ats timestamptz[], dispatch_seconds double precision,
  begun_by uuid, invocation text, in_order boolean, now_at timestamptz)
returns jsonb
language plpgsql
as $$
#variable_conflict use_column
declare
  of_type record;
  -- Jobs of one type in one batch, nearly always: then nothing has to be grouped.
  single boolean;
  leases jsonb;
begin
  select t.lease_seconds, t.batch_size, t.max_attempts into of_type from forgeq.job_type t where t.type = types[1];
  single := cardinality(ids) = 1
    or ((cardinality(ids) <= of_type.batch_size or (begun_by is not null and of_type.batch_size > 1)) and types[1] = all (types));
  with batched as (
    select j.id, j.type, j.priority, j.run_at, t.lease_seconds, t.max_attempts,
           case when begun_by is null or t.batch_size = 1
             then (row_number() over (partition by j.type order by j.priority, j.run_at, j.id) - 1) / coalesce(t.batch_size, 1) end as batch
    from unnest(ids, types, priorities, run_ats) as j(id, type, priority, run_at)
    left join forgeq.job_type t on t.type = j.type
    where not single),
  groups as (
    select 1 as ordinal, types[1] as type, ids as job_ids, of_type.lease_seconds, of_type.max_attempts where single
    union all
    select row_number() over (order by min(b.priority), min(b.run_at), b.type, b.batch), b.type, array_agg(b.id order by b.priority, b.run_at, b.id),
           min(b.lease_seconds), min(b.max_attempts)
    from batched b
    group by b.type, b.batch),
  made as (
    insert into forgeq.lease as l (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at, began_at, begun_by, invocation)
    select forgeq.uuid_v7(), make_leases.claim_id, g.ordinal, make_leases.queue, g.type, g.job_ids, cardinality(g.job_ids), now_at,
           now_at + make_interval(secs => case when make_leases.begun_by is null then dispatch_seconds else coalesce(g.lease_seconds, 60) end),
           case when make_leases.begun_by is not null then now_at end, make_leases.begun_by, make_leases.invocation
    from groups g
    returning l.id, l.ordinal, l.type, l.job_ids, l.open_jobs, l.expires_at)
  select jsonb_agg(jsonb_build_object('id', m.id, 'ordinal', m.ordinal, 'type', m.type, 'queue', make_leases.queue, 'jobs', m.open_jobs,
           'lease_seconds', extract(epoch from m.expires_at - now_at),
           'max_attempts', case when single then of_type.max_attempts end,
           'ids', case when make_leases.begun_by is not null and not (single and in_order) then m.job_ids end) order by m.ordinal)
  into leases
  from made m;
  return leases;
end
$$;
