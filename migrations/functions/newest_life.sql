-- The newest ended life of a job, or no row. Internal. See lives_of.
create or replace function forgeq.newest_life(id uuid, now_at timestamptz)
returns setof forgeq.job_history
language sql stable rows 1
as $$
  select h.* from forgeq.lives_of(id, 2147483647, 1, now_at) h
$$;
