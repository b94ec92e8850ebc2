-- Stores jobs as enqueue_many does, then takes up to as many due jobs of their queue as it stored, for the caller to invoke
-- their handlers itself: an eager invoke. See enqueue_many and claim for guarantees, errors, and what a lease is.
--
-- Takes nothing, and leaves the jobs to a dispatcher, unless the new ones that are due are all of one queue, which this owner serves
-- (null: any), which is not paused and where no claim left jobs waiting. A type with batches of more than one job has to find the queue with nothing in flight:
-- a burst goes to the dispatcher, in batches. What comes first in the queue is taken, so the new jobs overtake nobody; only a job
-- that has been due for more than a second, because its wake was lost, waits for the tick all the same.
--
-- The claim is named as the first job, so a call that is sent again finds its leases: those that have not begun are given again.
-- Answers [groups, leases, job ids]: groups as enqueue_lines, [{id, ordinal, type, jobs}], and the new jobs that this call took.
-- Lock order: as enqueue_many, then as claim; the queue is locked (skip locked) where it has a limit and for types with batches.
-- Under its lock nobody else has left jobs waiting, so a claim this small forgets none. Needs read committed.
create or replace function forgeq.enqueue_and_claim(
  jobs jsonb, fresh boolean default false, dispatch_seconds double precision default 90,
  at timestamptz default null, own_ids boolean default false, owner text default null)
returns json
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  claim uuid := jobs -> 0 ->> 'id';
  groups json := forgeq.enqueue_in_groups(jobs, fresh, false, at, own_ids);
  leases jsonb := '[]';
  taken jsonb;
  due record;
  target record;
  free boolean;
begin
  select sum(g.jobs)::int as jobs, min(g.queue) as queue, count(distinct g.queue) as queues into due
  from (
    select g.value ->> 1 as queue, case when g.value ->> 6 is null then jsonb_array_length(jobs) else json_array_length(g.value -> 6) end as jobs
    from json_array_elements(groups) as g(value)
    where (g.value ->> 0)::boolean and (g.value ->> 4)::timestamptz <= (g.value ->> 5)::timestamptz) g;

  if due.queues = 1 then
    select q.max_in_flight is not null or b.in_batches as locked, b.in_batches into target
    from forgeq.queue q
    cross join (
      select bool_or(t.batch_size > 1) as in_batches
      from (select distinct i.type from jsonb_to_recordset(jobs) as i(type text)) i
      cross join lateral (select t.batch_size from forgeq.job_type t where t.type = i.type offset 0) t) b
    where q.name = due.queue and not q.paused and not q.waiting and forgeq.is_served(q.owner, enqueue_and_claim.owner)
      and (not b.in_batches or not exists (select from forgeq.open_leases() l where l.queue = q.name));
    free := found;
    if free and target.locked then
      perform from forgeq.queue q where q.name = due.queue and not q.paused and not q.waiting for no key update skip locked;
      free := found;
      if free and target.in_batches then
        -- Looked up again in a later statement: whoever held the row has committed, and its lease is seen.
        free := not exists (select from forgeq.open_leases() l where l.queue = due.queue);
      end if;
    end if;
    if free then
      leases := (
        select c.leases
        from forgeq.claim(due.queue, claim, due.jobs, array_fill((coalesce(forgeq.as_owner(at), clock_timestamp()) - interval '1 second')::text, array[10]),
          '{}', dispatch_seconds, at) c);
    end if;
  elsif not fresh then
    leases := coalesce((
      select jsonb_agg(jsonb_build_object('id', l.id, 'ordinal', l.ordinal, 'type', l.type, 'jobs', cardinality(l.job_ids)) order by l.ordinal)
      from forgeq.lease l where l.claim_id = claim and l.began_at is null), '[]');
  end if;

  taken := (select jsonb_agg(j.id) from forgeq.job j
            where j.id = any (array(select i.id from jsonb_to_recordset(jobs) as i(id uuid))) and j.claim_id = claim);
  return json_build_array(groups, leases, coalesce(taken, '[]'));
end
$$;
