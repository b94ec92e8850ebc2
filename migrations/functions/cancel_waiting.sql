-- Cancels those of these jobs that nobody holds; gives their ids. Internal: cancel and cancel_many call it. `lives`: null, or those that are meant.
-- `error`: what the jobs show then; null for the error of their last attempt. `late`: those alone whose start_before has passed, and that is their error.
-- Never waits: a job that is locked is left.
-- Lock order: the jobs (skip locked), the unique keys (sorted).
create or replace function forgeq.cancel_waiting(ids uuid[], lives int[], error jsonb, now_at timestamptz, late boolean default false)
returns uuid[]
language plpgsql
as $$
declare
  held record;
  errors jsonb[];
  each record;
  nothing int;
begin
  select array_agg(j.tid) as places, array_agg(j.id) as ids, array_agg(j.life) as lives, array_agg(j.attempt) as attempts, array_agg(j.queue) as queues,
         array_agg(j.type) as types, array_agg(j.unique_key) as keys, array_agg(j.start_before) as limits,
         array_agg(j.schedule) filter (where j.schedule is not null) as schedules
  into held
  from (
    select j.ctid as tid, j.id, coalesce(j.life, 1) as life, j.attempt, j.queue, j.type, j.unique_key, j.metadata ->> 'schedule' as schedule, j.start_before
    from forgeq.job j
    where j.id = any (cancel_waiting.ids) and j.claim_id is null
      and (not cancel_waiting.late or j.start_before <= now_at)
      and (cancel_waiting.lives is null
           or (j.id, coalesce(j.life, 1)) in (select a.id, a.life from unnest(cancel_waiting.ids, cancel_waiting.lives) as a(id, life)))
    for update skip locked) j;
  if held.ids is null then
    return '{}';
  end if;
  errors := array(
    select coalesce(cancel_waiting.error, case when cancel_waiting.late then jsonb_build_object('name', 'TooLate', 'message',
             to_char(u.start_before at time zone 'UTC', '"it was to start before "YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) end, e.error)
    from unnest(held.ids, held.lives, held.limits) with ordinality as u(id, life, start_before, n)
    left join (
      select distinct on (a.job_id, a.life) a.job_id, a.life, a.error
      from forgeq.attempts_of(held.ids, now_at) a order by a.job_id, a.life, a.ended_at desc) e on e.job_id = u.id and e.life = u.life
    order by u.n);
  perform forgeq.finish_jobs(held.places, null, held.ids, array_fill('cancelled'::text, array[cardinality(held.ids)]),
    array_fill(null::jsonb, array[cardinality(held.ids)]), errors, held.attempts, null, null, now_at);
  for each in
    select u.id, u.type, u.key from unnest(held.ids, held.types, held.keys) as u(id, type, key) where u.key is not null order by u.type, u.key
  loop
    delete from forgeq.unique_key k where k.type = each.type and k.key = each.key and k.job_id = each.id;
  end loop;
  for each in
    select u.queue, u.type, count(*)::int as jobs, row_number() over (partition by u.queue order by u.type) as n,
           sum(count(*)) over (partition by u.queue)::int as of_queue
    from unnest(held.queues, held.types) as u(queue, type) group by u.queue, u.type order by u.queue, u.type
  loop
    nothing := forgeq.metric_add(each.queue, each.type, 'c', each.jobs);
    if each.n = 1 then
      nothing := forgeq.count_waiting(each.queue, -each.of_queue);
    end if;
  end loop;
  if held.schedules is not null then
    perform forgeq.start_waiting(held.schedules, now_at);
  end if;
  return held.ids;
end
$$;
