-- Says which of the parts of a tick went without a failure, `done`. One that never has is counted from its first tick on.
-- The tick is one of this owner's, null for none.
create or replace function forgeq.record_tick_parts(parts text[], done text[], at timestamptz default null, owner text default null)
returns void
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  now_at timestamptz := coalesce(forgeq.as_owner(at), clock_timestamp());
begin
  insert into forgeq.wake (owner, seen_at) values (coalesce(record_tick_parts.owner, ''), now_at)
  on conflict (owner) do update set seen_at = excluded.seen_at;
  insert into forgeq.tick_part as p (part, done_at)
  select u.part, now_at from unnest(parts) as u(part) order by u.part
  on conflict (part) do update
  set done_at = case when excluded.part = any (done) then excluded.done_at else coalesce(least(p.done_at, excluded.done_at), excluded.done_at) end;
end
$$;
