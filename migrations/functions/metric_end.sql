-- One ended job as 9 bytes of a lease's tally: state it got and outcome of the attempt in a byte, then the time from due to
-- begun and from begun to ended, as elapsed_ms has it, -1 for an attempt that never ran. A job that is stored with its lease has an entry more, from
-- then on, with `enqueued` as its outcome. metric_ends reads them.
create or replace function forgeq.metric_end(state text, outcome text, run_at timestamptz, began_at timestamptz, ended_at timestamptz)
returns bytea
language sql immutable
as $$
  select set_byte('\x00', 0,
           16 * coalesce(array_position(array['completed', 'dead', 'cancelled'], state), 0)
           + coalesce(array_position(array['completed', 'retry', 'dead', 'released', 'snoozed', 'lease_expired', 'timed_out',
                                           'cancelled', 'undispatched', 'throttled', 'enqueued', 'worker_crashed'], outcome), 0))
         || int4send(case when began_at is null then -1 else forgeq.elapsed_ms(run_at, began_at) end)
         || int4send(case when began_at is null then -1 else forgeq.elapsed_ms(began_at, ended_at) end);
$$;
