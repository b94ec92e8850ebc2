-- Forgets up to 500 finished jobs, all their lives and attempts, in one transaction. outcome: 'deleted', 'not_found' (also of a job that was deleted before),
-- 'live' (it has not ended), or 'stale': its newest life is another one than that of `lives` (null is any), or ended after `before`. Nothing of these was
-- changed. Counters stay what they are.
-- Lock order: the rows in the history, by id. A retry that is under way is waited for, or finds its row gone.
create or replace function forgeq.delete_many(
  ids uuid[], lives int[] default null, before timestamptz default null, at timestamptz default null)
returns table (id uuid, outcome text)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  seen record;
  known uuid[];
  live uuid[];
  stale uuid[];
  gone uuid[];
begin
  select w.since, w.until into seen from forgeq.lookup_window(ids, now_at) w;
  execute
    'select array_agg(k.id) from (
       select h.id from forgeq.job_history h where h.id = any ($1) and h.finished_at >= $2 and h.finished_at < $3 order by h.id for update) k'
  into known using ids, seen.since, seen.until;
  -- In later statements: whoever held a row has committed, and the life that it began is seen.
  live := array(select j.id from forgeq.job j where j.id = any (ids));
  stale := array(
    select h.id from forgeq.newest_lives(ids, now_at) h
    join unnest(ids, lives) as a(id, life) on a.id = h.id
    where h.life <> a.life or h.finished_at > delete_many.before);
  gone := array(select distinct u.id from unnest(known) as u(id) where u.id <> all (live) and u.id <> all (stale));
  if cardinality(gone) > 0 then
    execute 'delete from forgeq.job_history h where h.id = any ($1) and h.finished_at >= $2 and h.finished_at < $3'
    using gone, seen.since, seen.until;
    execute 'delete from forgeq.job_attempt a where a.job_id = any ($1) and a.ended_at >= $2 and a.ended_at < $3'
    using gone, seen.since, seen.until;
  end if;
  return query
  select u.id,
         case when u.id = any (live) then 'live' when u.id = any (stale) then 'stale' when u.id = any (gone) then 'deleted' else 'not_found' end
  from unnest(ids) as u(id);
end
$$;
