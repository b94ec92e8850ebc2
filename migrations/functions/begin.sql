-- An invocation takes its lease up, once: compare-and-set on the lease's row. Gives the jobs with their payloads.
--
-- begun_by is a random id made at each entry of a handler call (Lambda's duplicates share their request id); sent again
-- with the same one, begin gives the same answer, with the jobs still open. Jobs whose cancel was requested end here, uncounted.
-- One row per job, outcome 'begun': what the lease's jobs have in common, max_attempts being the type's; the job's id, run_at and payload; and its details as
-- job_details gives them. Then one row with null columns where a dispatcher can go on: jobs of the lease have ended already, and hold no capacity of the queue
-- any more, or the lease was a probe, and its type is not blocked any more. Or only one row, with outcome 'lease_lost'.
-- Lock order: the lease, its jobs (only those that are cancelled), the block of its type (only of a probe).
create or replace function forgeq.begin(
  lease_id uuid, begun_by uuid, lease_seconds double precision, invocation text default null, at timestamptz default null)
returns table (outcome text, expires_at timestamptz, type text, queue text, max_attempts int, id uuid, run_at timestamptz, payload json, details json)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  held forgeq.lease;
  given int;
  usual_max_attempts smallint;
begin
  outcome := 'begun';
  update forgeq.lease l
  set began_at = now_at, begun_by = begin.begun_by, invocation = begin.invocation, expires_at = now_at + make_interval(secs => lease_seconds)
  where l.id = begin.lease_id and l.began_at is null and l.expires_at > now_at
  returning l.* into held;
  if found then
    if cardinality(held.cancel_requested) > 0 then
      perform forgeq.end_attempts(held, (
        select jsonb_agg(jsonb_build_object('id', u.id, 'outcome', 'unbegun')) from unnest(held.cancel_requested) as u(id)), 'cancelled', now_at);
    end if;
  else
    select l.* into held from forgeq.lease l where l.id = begin.lease_id and l.begun_by = begin.begun_by and l.expires_at > now_at;
    if not found then
      if not exists (select from forgeq.lease_closed c where c.id = begin.lease_id and c.begun_by = begin.begun_by and c.reason = 'cancelled') then
        outcome := 'lease_lost';
      end if;
      return next;
      return;
    end if;
  end if;

  if held.probe then
    delete from forgeq.type_block b where b.type = held.type;
  end if;
  usual_max_attempts := (select t.max_attempts from forgeq.job_type t where t.type = held.type);
  -- One scan of the index: jobs that lie in one page read it once.
  return query
  select begin.outcome, held.expires_at, held.type, held.queue, usual_max_attempts::int, j.id, j.run_at, j.payload, forgeq.job_details(j, usual_max_attempts)
  from forgeq.job j
  where j.id = any (held.job_ids) and j.claim_id = held.claim_id
  order by array_position(held.job_ids, j.id);
  get diagnostics given = row_count;
  if given < cardinality(held.job_ids) or held.probe then
    return next;
  end if;
end
$$;
