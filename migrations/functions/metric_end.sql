-- One ended job as 9 bytes of a lease's tally: state it got and outcome of the attempt in a byte, then milliseconds from due to
-- begun and from begun to ended, -1 for an attempt that never ran. A job that was stored with its lease has such an entry from then on, with
-- the outcome 11, and is counted as enqueued by it. metric_ends reads them.
create or replace function forgeq.metric_end(state text, outcome text, run_at timestamptz, began_at timestamptz, ended_at timestamptz)
returns bytea
language sql immutable
as $$
  select set_byte('\x00', 0,
           16 * coalesce(array_position(array['completed', 'dead', 'cancelled'], state), 0)
           + coalesce(array_position(array['completed', 'retry', 'dead', 'released', 'snoozed', 'lease_expired', 'timed_out',
                                           'cancelled', 'undispatched', 'throttled'], outcome), 0))
         || int4send(case when began_at is null then -1 else forgeq.elapsed_ms(run_at, began_at) end)
         || int4send(case when began_at is null then -1 else forgeq.elapsed_ms(began_at, ended_at) end);
$$;
