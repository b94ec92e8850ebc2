-- Must a dispatcher be invoked for a job due in due_seconds (0: now)? Asked in a statement of its own, after the commit.
-- A job due now wants a wake unless a dispatcher is active; one due within 120 s unless one waits for that instant or an earlier one.
create or replace function forgeq.wake_wanted(due_seconds double precision, at timestamptz default null)
returns boolean
language sql stable security definer set search_path = pg_catalog, forgeq, pg_temp
as $$
  select case
    when due_seconds <= 0 then coalesce(active_until <= clock.now, true)
    when due_seconds <= 120 then
      coalesce(active_until <= clock.now, true)
      and coalesce(waiting_for <= clock.now or waiting_for > clock.now + make_interval(secs => due_seconds), true)
    else false end
  from forgeq.wake, (select coalesce(at, clock_timestamp()) as now) clock
  where name = 'dispatcher'
$$;
