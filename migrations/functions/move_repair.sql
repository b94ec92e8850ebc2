-- Moves the position of repair on from where the caller saw it, unless another tick has moved it meanwhile. At the end of the table, `last_id` null, what the
-- clock was before it went back is forgotten.
create or replace function forgeq.move_repair(seen_id uuid, last_id uuid, seen_clock timestamptz)
returns void
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
#variable_conflict use_column
begin
  insert into forgeq.tick_part as p (part, last_id) values ('repair', move_repair.last_id)
  on conflict (part) do update
  set last_id = excluded.last_id, clock_was = case when excluded.last_id is not null then p.clock_was end
  where p.last_id is not distinct from seen_id and (p.last_id is distinct from excluded.last_id or p.clock_was is not null)
    and p.clock_was is not distinct from seen_clock;
end
$$;
