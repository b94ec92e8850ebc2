-- Finished jobs live again by hand: see retry, which says what the outcomes mean. Internal: retry and retry_many call it. `new_payload` is that of the new
-- life; null is the old one. A life that ended after `before` is stale. Two lives of one job are not asked for in one call. `caller` is kept with the lives
-- that ended, its first 200 characters.
-- Lock order: the unique keys (sorted), the jobs by their ids, their rows in the history.
create or replace function forgeq.revive_jobs(ids uuid[], lives int[], new_payload json, now_at timestamptz, before timestamptz, caller text)
returns table (id uuid, outcome text, holder_id uuid)
language plpgsql
as $$
#variable_conflict use_column
declare
  outcomes text[];
  holders uuid[] := array_fill(null::uuid, array[cardinality(ids)]);
  wanted record;
  key record;
  holder uuid;
  made uuid[];
  marked int;
  counted record;
  nothing int;
begin
  outcomes := array(
    select case j.life when a.life + 1 then 'retried' when a.life then 'live' else case when j.id is not null then 'stale' end end
    from unnest(ids, lives) with ordinality as a(id, life, n)
    left join (select j.id, coalesce(j.life, 1) as life from forgeq.job j where j.id = any (ids)) j on j.id = a.id
    order by a.n);

  -- In a later statement: what has ended meanwhile is seen.
  select array_agg(a.outcome order by a.n) as outcomes, array_agg(a.life order by a.n) as lives, array_agg(a.finished_at order by a.n) as ends,
         array_agg(a.queue order by a.n) as queues, array_agg(a.type order by a.n) as types, array_agg(a.unique_key order by a.n) as keys
  into wanted
  from (
    select a.n, h.life, h.finished_at, h.queue, h.type, h.unique_key,
           coalesce(a.outcome, case
             when h.id is null then 'not_found' when h.life = a.life + 1 then 'retried' when h.life <> a.life or h.finished_at > before then 'stale'
             -- The next life has completed, where its queue keeps no completed jobs.
             when h.revived then 'retried'
             when h.payload_gone and new_payload is null then 'payload_gone'
             -- The type is read for its table's lock: delete_queue waits for whoever has found the queue. See there.
             when not exists (select from forgeq.queue q left join forgeq.job_type t on t.type = h.type where q.name = h.queue) then 'queue_gone'
             end) as outcome
    from unnest(ids, lives, outcomes) with ordinality as a(id, life, outcome, n)
    left join forgeq.newest_lives(ids, now_at) h on h.id = a.id) a;
  outcomes := wanted.outcomes;

  for key in
    select k.n, k.type, k.key from unnest(wanted.types, wanted.keys, outcomes) with ordinality as k(type, key, outcome, n)
    where k.key is not null and k.outcome is null
    order by k.type, k.key
  loop
    -- A holder that ends in this moment frees its key: take it then.
    loop
      insert into forgeq.unique_key (type, key, job_id) values (key.type, key.key, ids[key.n]) on conflict do nothing;
      exit when found;
      select k.job_id into holder from forgeq.unique_key k where k.type = key.type and k.key = key.key;
      if found then
        outcomes[key.n] := case when holder = ids[key.n] then 'retried' else 'unique_key' end;
        holders[key.n] := nullif(holder, ids[key.n]);
        exit;
      end if;
    end loop;
  end loop;

  -- Planned with their instants known, so that they touch no other partition.
  if array_position(outcomes, null) is not null then
    execute
      'with revived as (
         insert into forgeq.job (id, run_at, created_at, life, priority, max_attempts, depth, queue, type, unique_key, traceparent, metadata, payload)
         select h.id, $5, h.created_at, h.life + 1, h.priority, h.max_attempts, h.depth, h.queue, h.type, h.unique_key, h.traceparent, h.metadata,
                coalesce($6, h.payload)
         from forgeq.job_history h
         where h.id = any ($1) and h.finished_at >= $3 and h.finished_at <= $4
           and (h.id, h.life, h.finished_at) in (select w.id, w.life, w.at from unnest($1, $2, $7) as w(id, life, at))
         order by h.id
         on conflict (id) do nothing
         returning id)
       select array_agg(r.id) from revived r'
    into made
    using array(select u.id from unnest(ids, outcomes) with ordinality as u(id, outcome, n) where u.outcome is null order by u.n),
      array(select u.life from unnest(wanted.lives, outcomes) with ordinality as u(life, outcome, n) where u.outcome is null order by u.n),
      (select min(u.at) from unnest(wanted.ends, outcomes) as u(at, outcome) where u.outcome is null),
      (select max(u.at) from unnest(wanted.ends, outcomes) as u(at, outcome) where u.outcome is null),
      now_at, new_payload,
      array(select u.at from unnest(wanted.ends, outcomes) with ordinality as u(at, outcome, n) where u.outcome is null order by u.n);
  end if;

  if cardinality(made) > 0 then
    execute
      'update forgeq.job_history p set revived = true, revived_at = $7, revived_by = left($8, 200)
       where p.id = any ($1) and p.finished_at >= $3 and p.finished_at <= $4 and p.revived is null
         and (p.id, p.life, p.finished_at) in (select w.id, w.life, w.at from unnest($5, $2, $6) as w(id, life, at))'
    using made, wanted.lives, (select min(u.at) from unnest(ids, wanted.ends) as u(id, at) where u.id = any (made)),
      (select max(u.at) from unnest(ids, wanted.ends) as u(id, at) where u.id = any (made)), ids, wanted.ends,
      now_at, caller;
    get diagnostics marked = row_count;
    -- Two retries of one life raced: the other one made it, and it may even have ended; only one new life exists. Or a row was purged or deleted meanwhile.
    if marked <> cardinality(made) then
      raise exception 'forgeq: % of % jobs were retried, purged or deleted meanwhile', cardinality(made) - marked, cardinality(made)
        using errcode = '40001';
    end if;
    for counted in
      select u.queue, u.type, count(*)::int as jobs, row_number() over (partition by u.queue order by u.type) as n,
             sum(count(*)) over (partition by u.queue)::int as of_queue
      from unnest(ids, wanted.queues, wanted.types) as u(id, queue, type)
      where u.id = any (made) group by u.queue, u.type order by u.queue, u.type
    loop
      nothing := forgeq.metric_add(counted.queue, counted.type, 'r', counted.jobs);
      if counted.n = 1 then
        nothing := forgeq.count_waiting(counted.queue, counted.of_queue);
      end if;
    end loop;
  end if;
  return query select u.id, coalesce(u.outcome, 'retried'), u.holder from unnest(ids, outcomes, holders) as u(id, outcome, holder);
end
$$;
