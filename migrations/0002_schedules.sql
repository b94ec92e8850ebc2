-- Schedules: cron rules that enqueue a job at each slot. The slots are computed in TypeScript (lib/core/slots.ts);
-- functions/fire_schedules.sql stores what they come to, once.
create table forgeq.schedule (
  name text primary key check (name ~ '^[a-z][a-z0-9_-]{0,39}$'),
  -- The ids of its jobs are made of it and of the slot; a name that is used again is another schedule.
  id uuid not null unique,
  cron text not null,
  timezone text not null,
  type text not null,
  payload jsonb not null,
  queue text,
  priority smallint check (priority between 0 and 9),
  paused boolean not null default false,
  overlap text not null default 'allow' check (overlap in ('allow', 'skip', 'queue_one')),
  catch_up text not null default 'skip' check (catch_up in ('skip', 'last', 'all')),
  catch_up_limit int not null default 10 check (catch_up_limit between 1 and 1000),
  starts_at timestamptz,
  ends_at timestamptz,
  jitter_seconds int not null default 0 check (jitter_seconds between 0 and 3600),
  -- Made from the code, and removed when the code drops it.
  declared boolean not null default false,
  -- Raised by every edit.
  revision int not null default 1,
  -- Every slot up to this instant is decided, fired or skipped. Whole milliseconds, as clients compare it.
  decided_until timestamptz not null,
  last_slot_at timestamptz,
  -- Null when paused or when no slot is left.
  next_slot_at timestamptz,
  -- The newest jobs that may still live, for overlap; at most 100.
  live_job_ids uuid[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 50);
create index schedule_next on forgeq.schedule (next_slot_at);
