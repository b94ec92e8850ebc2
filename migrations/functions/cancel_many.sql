-- Cancels up to 500 jobs in one transaction: those that nobody holds immediately, the others by a request on their lease. Sent again it gives the first answer.
-- See cancel on the outcomes and the reason; 'stale': the job lives another life than the one of `lives`, null is any. What is `busy` may be asked for again.
-- Lock order: that of cancel_waiting, then leases (skip locked).
create or replace function forgeq.cancel_many(ids uuid[], lives int[] default null, at timestamptz default null, reason text default null)
returns table (id uuid, outcome text, state text)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  free uuid[];
  live uuid[];
begin
  perform forgeq.check_reason(reason);
  free := forgeq.cancel_waiting(cancel_many.ids, cancel_many.lives, forgeq.cancelled_error(reason), now_at);
  return query select u.id, 'cancelled', 'cancelled' from unnest(free) as u(id);
  live := array(select j.id from forgeq.job j where j.id = any (cancel_many.ids) order by j.id);
  return query
  select u.id, coalesce(c.outcome, 'stale'), c.state
  from unnest(live) as u(id)
  join unnest(cancel_many.ids, cancel_many.lives) as a(id, life) on a.id = u.id
  left join lateral (
    select o.outcome, o.state
    from (select j.id from forgeq.job j where j.id = u.id and (a.life is null or coalesce(j.life, 1) = a.life)) j
    cross join lateral forgeq.cancel(j.id, cancel_many.at, cancel_many.reason) o) c on true;
  return query
  select u.id,
         case when h.life <> u.life then 'stale' when h.state = 'cancelled' then 'cancelled' when h.id is not null then 'finished' else 'not_found' end,
         h.state
  from unnest(cancel_many.ids, cancel_many.lives) as u(id, life)
  left join forgeq.newest_lives(cancel_many.ids, now_at) h on h.id = u.id
  where u.id <> all (free) and u.id <> all (live);
end
$$;
