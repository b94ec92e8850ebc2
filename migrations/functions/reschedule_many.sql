-- Moves up to 500 jobs that wait to another instant, and to another priority where one is given, in one transaction: to `run_at`, or `delay_seconds` from now;
-- neither leaves the instant as it is. A past instant is now. A job that is moved behind its start_before may always start
-- then. Sent again it gives the first answer.
-- outcome: 'rescheduled'; 'held' (leased or running) or 'finished', with the state; 'not_found'; 'busy': somebody holds it right now,
-- try again; 'stale': it lives another life than the one of `lives`, null is any.
-- due_seconds: when the moved job falls due. Never waits. Lock order: the jobs (skip locked).
create or replace function forgeq.reschedule_many(
  ids uuid[], lives int[] default null, run_at timestamptz default null, delay_seconds double precision default null, priority smallint default null,
  at timestamptz default null)
returns table (id uuid, outcome text, state text, queue text, due_seconds double precision)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  -- Not before now: no job gets below what those who look for due jobs have passed. See mark_jobs.
  to_at timestamptz := greatest(coalesce(reschedule_many.run_at, now_at + make_interval(secs => reschedule_many.delay_seconds)), now_at);
  places tid[];
  moved uuid[];
begin
  if reschedule_many.run_at is null and reschedule_many.delay_seconds is null then
    to_at := null;
  elsif not to_at <= now_at + interval '10 years' then
    raise exception 'a job can be moved to ten years ahead at most' using errcode = 'FQ003';
  end if;
  select array_agg(j.tid), array_agg(j.id) into places, moved
  from (
    select j.ctid as tid, j.id from forgeq.job j
    where j.id = any (reschedule_many.ids) and j.claim_id is null
      and (reschedule_many.lives is null
           or (j.id, coalesce(j.life, 1)) in (select a.id, a.life from unnest(reschedule_many.ids, reschedule_many.lives) as a(id, life)))
    for update skip locked) j;
  return query
  with changed as (
    update forgeq.job j
    set run_at = coalesce(to_at, j.run_at), created_at = coalesce(j.created_at, j.run_at), priority = coalesce(reschedule_many.priority, j.priority),
        start_before = case when coalesce(to_at, j.run_at) < j.start_before then j.start_before end
    where j.ctid = any (places) and j.claim_id is null
    returning j.id, j.queue, j.run_at)
  select c.id, 'rescheduled', null::text, c.queue, extract(epoch from c.run_at - now_at)::double precision from changed c;
  return query
  select u.id,
         case when coalesce(l.life, h.life) <> u.life then 'stale' when l.claim_id is not null then 'held' when l.id is not null then 'busy'
              when h.id is not null then 'finished' else 'not_found' end,
         coalesce(case when l.claim_id is not null then case when exists (
           select from forgeq.lease o where o.claim_id = l.claim_id and l.id = any (o.job_ids) and o.began_at is not null) then 'running' else 'leased' end end,
           h.state),
         coalesce(l.queue, h.queue), null::double precision
  from unnest(reschedule_many.ids, reschedule_many.lives) as u(id, life)
  left join (select j.id, j.claim_id, j.queue, coalesce(j.life, 1) as life from forgeq.job j where j.id = any (reschedule_many.ids)) l on l.id = u.id
  left join forgeq.newest_lives(array(select a.id from unnest(reschedule_many.ids) as a(id) where a.id <> all (coalesce(moved, '{}'))), now_at) h
    on h.id = u.id and l.id is null
  where u.id <> all (coalesce(moved, '{}'));
end
$$;
