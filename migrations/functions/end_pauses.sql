-- Ends the pauses whose end has come; gives the names of their queues. The tick calls it. A claim takes from such a queue even before.
create or replace function forgeq.end_pauses(at timestamptz default null)
returns text[]
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
  ended text[];
begin
  with resumed as (
    update forgeq.queue q set paused = false, paused_at = null, paused_until = null, pause_reason = null
    where q.ctid = any (array(select o.ctid from forgeq.queue o where o.paused and o.paused_until <= now_at for update skip locked))
    returning q.name)
  select array_agg(r.name order by r.name) into ended from resumed r;
  return coalesce(ended, '{}');
end
$$;
