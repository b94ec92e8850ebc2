-- What workers that listen have room for, so that who enqueues can hand a job over. A few rows that say less than a quarter of a minute: nothing to log, and
-- a crash of the server ends the connections that listen, too. See docs/adr/0018.
create unlogged table forgeq.worker_room (
  worker uuid primary key,
  -- Null: all.
  queues text[],
  types text[] not null,
  -- Names the process in the attempts' records.
  invocation text,
  until timestamptz not null
);
