-- Live jobs, newest id first: up to max_jobs + 1 with an id below `after`, then the row that says how far the list came. Leased and running ones are found by
-- their leases, all others by a walk that examines max_examined jobs; scheduled and pending ones that it finds few of by the time at which they are due, where
-- that gives no more than a tenth of max_examined jobs. See list_finished.
create or replace function forgeq.list_live(
  state text, type text, queue text, after uuid, max_jobs int, with_payload boolean, at timestamptz default null, max_examined int default 10000)
returns setof forgeq.listed_job
language plpgsql stable security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set lock_timeout = '4s' set max_parallel_workers_per_gather = 0
as $$
#variable_conflict use_column
declare
  now_at constant timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  below constant uuid := coalesce(after, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  picked uuid[];
  tried uuid[];
  due_from constant timestamptz := case when state = 'scheduled' then now_at + interval '1 microsecond' else '-infinity' end;
  due_to constant timestamptz := case when state = 'pending' then now_at else 'infinity' end;
  few constant int := max_examined / 10;
  n int;
  seen record;
  page_end forgeq.listed_job;
begin
  if not forgeq.may_have_jobs(type, queue) then
    return next page_end;
    return;
  end if;

  if state in ('leased', 'running') then
    picked := array(
      select h.id
      from (select u.id, l.claim_id
            from forgeq.lease l
            cross join unnest(l.job_ids) as u(id)
            where (l.began_at is not null) = (list_live.state = 'running') and u.id < below
              and (list_live.type is null or l.type = list_live.type) and (list_live.queue is null or l.queue = list_live.queue)
            order by u.id desc) h
      -- Not those that have ended.
      cross join lateral (select from forgeq.job j where j.id = h.id and j.claim_id = h.claim_id limit 1) j
      order by h.id desc
      limit max_jobs + 1);
  else
    picked := '{}';
    n := 0;
    for seen in
      select j.id, (list_live.type is null or j.type = list_live.type) and (list_live.queue is null or j.queue = list_live.queue)
               and (list_live.state is null or j.claim_id is null and (j.run_at > now_at) = (list_live.state = 'scheduled')) as wanted
      from forgeq.job j where j.id < below order by j.id desc limit max_examined
    loop
      n := n + 1;
      if seen.wanted then
        picked := picked || seen.id;
        exit when cardinality(picked) > max_jobs;
      end if;
      if n = max_examined then
        page_end.searched_to := seen.id;
      end if;
    end loop;
  end if;
  -- The walk found few of a state, and there are more jobs: are there few of that state altogether? Ten looks for each queue, so not over many.
  if page_end.searched_to is not null and state in ('scheduled', 'pending') and (queue is not null or (select count(*) from forgeq.queue) <= 30) then
    select count(*),
           array_agg(w.id order by w.id desc) filter (where w.claim_id is null and w.id < below and (list_live.type is null or w.type = list_live.type)) as ids
    into seen
    from (
      select j.id, j.claim_id, j.type
      from forgeq.queue q
      cross join generate_series(0, 9) as p(n)
      cross join lateral (
        select j.id, j.claim_id, j.type from forgeq.job j
        where j.queue = q.name and j.priority = p.n::smallint and j.run_at >= due_from and j.run_at <= due_to
        order by j.run_at limit few + 1) j
      where list_live.queue is null or q.name = list_live.queue
      limit few + 1) w;
    if seen.count <= few then
      picked := coalesce(seen.ids[1:max_jobs + 1], '{}');
      page_end.searched_to := null;
    end if;
  end if;

  -- Only what a lease has given back has attempts already.
  tried := array(select j.id from forgeq.job j where j.id = any (picked) and (j.dispatches is not null or j.attempt > (j.claim_id is not null)::int));
  return query execute $sql$
    select j.id, coalesce(j.life, 1)::int, j.type, j.queue,
           case when l.began_at is not null then 'running' when j.claim_id is not null then 'leased' when j.run_at > $2 then 'scheduled' else 'pending' end,
           j.priority, case when $3 then j.payload end, coalesce(j.metadata, '{}'), j.unique_key, j.attempt, j.max_attempts,
           l.progress -> (j.id::text), coalesce(j.created_at, j.run_at), j.run_at, coalesce(l.began_at, t.began_at), null::timestamptz, null::jsonb,
           t.error, l.id, null::uuid
    from unnest($1) with ordinality as p(id, n)
    cross join lateral (select j.* from forgeq.job j where j.id = p.id limit 1) j
    left join lateral (
      select l.id, l.began_at, l.progress from forgeq.lease l where l.claim_id = j.claim_id and j.id = any (l.job_ids) limit 1) l on true
    left join (
      select a.job_id, a.life, max(a.began_at) as began_at, (array_agg(a.error order by a.ended_at desc))[1] as error
      from forgeq.job_attempt a
      where a.job_id = any ($4) and a.ended_at >= $5 and a.ended_at < $6
      group by a.job_id, a.life) t on t.job_id = j.id and t.life = coalesce(j.life, 1)
    order by p.n $sql$
  -- Planned with the instants known, so that no partition is locked that has none of them.
  using picked, now_at, with_payload, tried,
    coalesce((select least(min(forgeq.id_time(u.id)), now_at) - interval '1 day' from unnest(tried) as u(id) having count(*) > 0), 'infinity'),
    greatest(now_at, clock_timestamp()) + interval '7 days';
  return next page_end;
end
$$;
