-- The queues that keep finished jobs for less than `longest` days and are to be purged up to `until`, from `purged_to` on: by retention, and those that are
-- behind the mark of theirs by how far they are. `marked`: those at the mark. `state`: null, or the outcome that some queues keep for so many days, whose jobs
-- alone are meant; they go ten minutes late, so that a tick writes nothing as a rule. Internal: purge_queues calls it.
--
-- A few buffers for each retention, however many queues have it: the queues are not read. Without index-only scans, which look at the visibility map for each.
create or replace function forgeq.purge_groups(longest int, now_at timestamptz)
returns table (days int, marked boolean, purged_to timestamptz, until timestamptz, state forgeq.finished_state)
language plpgsql stable
  set enable_seqscan = off set enable_bitmapscan = off set enable_indexonlyscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  this_days int := 0;
  kept_from timestamptz;
  mark timestamptz;
begin
  loop
    select q.retention_days into this_days
    from forgeq.queue q where q.retention_days > this_days and q.retention_days < longest order by q.retention_days limit 1;
    exit when not found;
    kept_from := now_at - make_interval(days => this_days);
    mark := (select m.purged_to from forgeq.purge_mark m where m.retention_days = this_days);
    -- A queue that is not at its retention's mark goes to there; only the mark follows the clock. Ticks of several processes don't each look at some seconds.
    return query
    select this_days, false, g.purged_to, coalesce(mark, kept_from), null::forgeq.finished_state
    from (select distinct q.purged_to from forgeq.queue q where q.retention_days = this_days and q.purged_to >= '-infinity') g
    where g.purged_to not between coalesce(mark, kept_from) - interval '30 seconds' and coalesce(mark, kept_from);
    if (mark between kept_from - interval '30 seconds' and kept_from) is not true
        and exists (select from forgeq.queue q where q.retention_days = this_days and q.purged_to is null) then
      return query select this_days, true, coalesce(mark, '-infinity'), kept_from, null::forgeq.finished_state;
    end if;
  end loop;
  return query
  select o.days, false, o.purged_to, o.until, o.state
  from (select distinct r.days, r.purged_to, now_at - make_interval(days => r.days) as until, r.state from forgeq.outcome_retention r) o
  where o.purged_to not between o.until - interval '10 minutes' and o.until;
end
$$;
