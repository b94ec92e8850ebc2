-- What a tick does that finds nothing to do, in one call: the clock is checked, partitions are ensured, counters folded, one slice of the history purged and
-- one of the live jobs examined. parts: those of a tick, recorded as done.
-- Answers with seconds by which the clock went back, what was mended, and `more`: there is work for a whole tick. Fails as a whole; a tick then does what it
-- can.
create or replace function forgeq.tidy(max_rows int, parts text[], at timestamptz default null)
returns table (behind_seconds double precision, repaired int, redated int, more boolean)
language plpgsql security definer set search_path = pg_catalog, forgeq, pg_temp set lock_timeout = '4s'
as $$
#variable_conflict use_column
declare
  position forgeq.tick_part;
  purged record;
  slice record;
begin
  behind_seconds := forgeq.check_clock(at);
  perform forgeq.metric_fold(at);
  select p.partitions, p.jobs, p.leases, p.more into purged from forgeq.purge(max_rows, at) p;
  select p.* into position from forgeq.tick_part p where p.part = 'repair';
  select r.repaired, r.redated, r.last_id into slice from forgeq.repair(position.last_id, max_rows, at, position.clock_was) r;
  perform forgeq.move_repair(position.last_id, slice.last_id, position.clock_was);
  -- Last, because a new partition locks the table that it becomes a part of.
  perform forgeq.ensure_partitions(8, at);
  perform forgeq.record_tick_parts(parts, parts, at);
  repaired := slice.repaired;
  redated := slice.redated;
  more := purged.more or slice.last_id is not null
    or exists (select from forgeq.queue q where q.paused and q.paused_until <= coalesce(forgeq.as_owner(at), clock_timestamp()));
  return next;
end
$$;
