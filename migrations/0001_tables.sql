-- ForgeQ's tables as version 0.2.0 released them. This file is never edited again: a change is a migration of its own, and a database that an earlier text of
-- this one made is refused (see lib/db/schema/migrate.ts). The protocol that reads and writes the tables is in functions/.

create type forgeq.finished_state as enum ('completed', 'dead', 'cancelled');

-- What a caller may say of a job is checked by these types where it is read, not by constraints of the table: each statement that writes a job would parse
-- such constraints again, and each claim would check what it does not change. See docs/adr/0009.
create domain forgeq.job_priority as smallint check (value between 0 and 9);
create domain forgeq.job_max_attempts as smallint check (value between 1 and 1000);
create domain forgeq.job_depth as smallint check (value between 0 and 64);
create domain forgeq.job_metadata as jsonb check (jsonb_typeof(value) = 'object');
create domain forgeq.job_traceparent as text check (value ~ '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');

-- A named group of jobs. The code declares it, or an operator; a column named in `overridden` was set by an operator, and wins. No job makes a queue.
create table forgeq.queue (
  name text primary key check (name ~ '^[a-z][a-z0-9_-]{0,39}$'),
  max_in_flight int default 100 check (max_in_flight >= 0),
  max_pending int check (max_pending >= 0),
  retention_days int not null default 30 check (retention_days between 1 and 3650),
  keep_completed boolean not null default true,
  paused boolean not null default false,
  -- A claim left due jobs behind because of max_in_flight: whoever frees capacity wakes the dispatcher.
  waiting boolean not null default false,
  -- The code declares it, by the last migrate of a project: then nobody deletes it.
  declared boolean not null default false,
  -- SERVICE-STAGE whose dispatcher, tick and handlers serve it. Null: anybody's do. See docs/adr/0039.
  owner text,
  -- Whose jobs may go here by an operator's word, in addition to the types that have this queue or list it.
  listed_types text[] not null default '{}',
  overridden text[] not null default '{}',
  created_at timestamptz not null default now(),
  -- What finished before this instant is purged. Null: as far as purge_mark says of its retention.
  purged_to timestamptz default '-infinity',
  -- Of a pause: since when, why, and when it ends by itself. Once it has, `paused` may be true until a tick has come by.
  paused_at timestamptz,
  pause_reason text,
  paused_until timestamptz,
  -- The limits that the code declares, whatever an operator has set: {max_in_flight, max_pending, retention_days}. Null: the code has never declared it.
  code_limits jsonb
) with (fillfactor = 50);
-- Each tick asks which retentions there are, see functions/purge_groups.sql. None of its columns changes with the jobs.
create index queue_retention on forgeq.queue (retention_days, purged_to);

-- How far the queues of a retention are purged, those that are not behind. A row for each retention but the longest, so that a tick writes no row a queue.
create table forgeq.purge_mark (
  retention_days int primary key,
  purged_to timestamptz not null
) with (fillfactor = 20);

-- Finished jobs of one outcome that a queue keeps for fewer days than the others, by the code's word, and what of them is purged. Only such queues have rows.
create table forgeq.outcome_retention (
  queue text not null,
  state forgeq.finished_state not null,
  days int not null check (days between 1 and 3650),
  purged_to timestamptz not null default '-infinity',
  primary key (queue, state)
) with (fillfactor = 50);

-- What SQL callers, claim and recover must know of a job type; synchronised from the code.
create table forgeq.job_type (
  type text primary key check (type ~ '^[a-z][a-z0-9_-]{0,39}$'),
  queue text not null,
  priority smallint not null default 5 check (priority between 0 and 9),
  max_attempts smallint not null default 8 check (max_attempts between 1 and 1000),
  backoff jsonb not null,
  timeout_seconds int not null default 60,
  lease_seconds int not null default 60,
  batch_size int not null default 10 check (batch_size between 1 and 100),
  -- Where its jobs may go besides `queue`, by the code's word.
  listed_queues text[] not null default '{}',
  -- As a queue's.
  owner text,
  -- JSON pointers into the payload: an index of finished jobs is made for each, see functions/search_index.sql.
  search text[] not null default '{}',
  overridden text[] not null default '{}',
  -- The counter of this type in its own queue, where that queue has no max_pending: then storing a job needs to read no other row. Null: the enqueue reads
  -- the queue. Kept by triggers, see functions/set_series_of_type.sql.
  series int
);

-- Live jobs only. claim_id is never indexed and fillfactor leaves room for the claim of every job of a page, so that a claim is a HOT update. A claim logs
-- what lies between the first and the last byte that it changes, so claim_id and attempt are neighbours. Columns of a fixed width come first, in a multiple
-- of four, so that the payload needs no padding. See docs/adr/0009 and 0017.
-- No other index may hold `id`: PostgreSQL 18 takes it for look-ups by id and walks every dead entry.
create table forgeq.job (
  id uuid primary key,
  run_at timestamptz not null,
  -- Null where it equals run_at; whoever moves run_at sets it.
  created_at timestamptz,
  -- Null is 1.
  life int,
  priority smallint not null,
  max_attempts smallint not null,
  -- Null is 0.
  dispatches smallint,
  -- Null is 0.
  depth smallint,
  claim_id uuid,
  attempt smallint not null default 0,
  -- The text that was sent: ForgeQ hands it on and searches nothing in it.
  payload json not null,
  queue text not null,
  type text not null,
  unique_key text,
  traceparent text,
  metadata jsonb,
  -- No attempt is taken from then on: the job ends cancelled instead, see functions/pick.sql. Null, as nearly always, takes no room: it may always start.
  start_before timestamptz
) with (fillfactor = 44, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index job_due on forgeq.job (queue, priority, run_at);

-- At most one live job per type and key. Only jobs that use it have a row.
create table forgeq.unique_key (
  type text not null,
  -- Without what functions/has_controls.sql names.
  key text not null check (length(key) between 1 and 200 and key !~ '[\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]'),
  job_id uuid not null,
  primary key (type, key)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- One row per invocation. expires_at is not indexed, so begin and extend are HOT updates of one small row.
create table forgeq.lease (
  id uuid primary key,
  claim_id uuid not null,
  ordinal int not null,
  queue text not null,
  type text not null,
  job_ids uuid[] not null,
  -- Kept under the row's lock, so it is exact; its sum per queue is the number in flight.
  open_jobs int not null check (open_jobs > 0),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  began_at timestamptz,
  begun_by uuid,
  invocation text,
  -- Null: none.
  cancel_requested uuid[],
  -- {job id: why}, of those that somebody gave a reason for. Null: none.
  cancel_reasons jsonb,
  -- Of a limited queue: its place among the queue's leases, see functions/count_in_flight.sql. Null elsewhere.
  seq bigint,
  progress jsonb not null default '{}',
  -- {job id: state} of the jobs that this lease has settled already.
  outcomes jsonb not null default '{}',
  -- 9 bytes per ended job: see forgeq.metric_end.
  tally bytea not null default '',
  -- Whether a handler of its type can begin again: see forgeq.type_block. Null: it asks nothing.
  probe boolean,
  unique (claim_id, ordinal)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
-- Ids are random: to compress those of a lease of 500 jobs took a fifteenth of what the server spends on a job. See docs/adr/0009.
alter table forgeq.lease alter column job_ids set storage external;
create index lease_flight on forgeq.lease (queue, seq) where seq is not null;

-- A type whose leases come back without having begun. While it has a row no dispatcher makes a lease of it but one at a time, which probes: begin removes the
-- row. See functions/block_type.sql and docs/adr/0038.
create table forgeq.type_block (
  type text primary key,
  since timestamptz not null,
  -- From then on one lease may probe. While one does, when it expires.
  probe_at timestamptz not null,
  -- Probes that came back.
  probes int not null default 0,
  -- Why the last lease came back: {name, message}.
  reason jsonb
) with (fillfactor = 20);

-- From where on leases are read, so that a long transaction, which keeps the dead ones, slows nobody down: the newest row of a queue counts, and '' is for
-- all queues. Every open lease is above `low` or one of `open`. A row is never updated but once: see docs/adr/0023.
create table forgeq.lease_mark (
  queue text not null,
  n bigint not null,
  -- A seq; of all queues the milliseconds of an id.
  low bigint not null,
  open uuid[] not null,
  -- Dead leases above `low`, as they were estimated then.
  passed bigint not null,
  -- While leases without a seq may be open: the transactions that may have seen the queue without a limit.
  awaits text[],
  -- Of all queues: when the whole table was read last.
  whole_at timestamptz,
  primary key (queue, n)
);

-- From where on the entries of a queue and priority in job_due are read by those who look for due jobs: below it are only jobs that have ended. Only while a
-- long transaction keeps many of them. Nothing to log: after a crash of the server they are passed once more. See functions/mark_jobs.sql.
create unlogged table forgeq.job_mark (
  queue text not null,
  priority smallint not null,
  low timestamptz not null,
  -- As `low`, but nothing that may still be committed is above it, unless its transaction takes longer than two minutes; when it was read from there last.
  far timestamptz not null,
  far_at timestamptz not null,
  made_at timestamptz not null,
  primary key (queue, priority)
) with (fillfactor = 20);

-- Closed leases, for ten minutes: a call that is sent again finds its first answer here.
-- Columns of a fixed width come first, as in forgeq.job: nothing is padded.
create table forgeq.lease_closed (
  id uuid primary key,
  claim_id uuid not null,
  begun_by uuid,
  closed_at timestamptz not null,
  expires_at timestamptz not null,
  xid xid8 not null default pg_current_xact_id(),
  ordinal int not null,
  jobs int not null,
  queue text not null,
  type text not null,
  reason text not null,
  -- {job id: state}, or one state as a string when all jobs of the lease ended alike in one call.
  outcomes jsonb not null,
  tally bytea not null default '',
  -- Where all jobs completed in one call, and their queue keeps no completed jobs: 8 bytes of each, hashed from its id. See functions/completed_lately.sql.
  completed bytea not null default ''
);
-- Kept in the row, where reading it costs least; hashes do not compress.
alter table forgeq.lease_closed alter column completed set storage main;
create index lease_closed_claim on forgeq.lease_closed (claim_id);
-- The order of xids is the order of time for purge, too: one index serves purge and metric_fold.
create index lease_closed_xid on forgeq.lease_closed (xid);

-- Finished jobs, a row for each life. Without a key: two ends of one life would differ in finished_at, and every reader looks up by id.
create table forgeq.job_history (
  id uuid not null,
  finished_at timestamptz not null,
  created_at timestamptz not null,
  -- Null where it equals created_at, as for nearly every job that completes in its first attempt.
  run_at timestamptz,
  began_at timestamptz,
  lease_id uuid,
  state forgeq.finished_state not null,
  life int not null,
  priority smallint not null,
  attempt smallint not null,
  max_attempts smallint not null,
  -- Null is 0.
  depth smallint,
  payload json,
  queue text not null,
  type text not null,
  unique_key text,
  traceparent text,
  metadata jsonb,
  result jsonb,
  error jsonb,
  -- True once a retry by hand has begun the next life: the newest life is the one without it.
  revived boolean,
  -- When that was, and who did it: see functions/retry.sql.
  revived_at timestamptz,
  revived_by text
) partition by range (finished_at);
create index job_history_id on forgeq.job_history (id);
-- Counts of dead jobs, and lists of failed ones by whatever filter, read this index alone. A job that completes has no entry.
create index job_history_failed on forgeq.job_history (state, id) include (type, queue, finished_at) where state <> 'completed' and revived is null;
-- Purge reads windows of time. Ranges without a summary are read whole, so each is summarised soon after it is full.
create index job_history_finished on forgeq.job_history using brin (finished_at) with (pages_per_range = 32, autosummarize = on);

-- One row per ended attempt other than a plain completion.
create table forgeq.job_attempt (
  job_id uuid not null,
  life int not null,
  number smallint not null,
  outcome text not null,
  lease_id uuid,
  -- When the attempt was due, so that waits can be told from history.
  run_at timestamptz,
  began_at timestamptz,
  ended_at timestamptz not null,
  invocation text,
  error jsonb,
  -- Of attempts that failed alone: what errors are grouped by, see functions/error_groups.sql.
  queue text,
  type text
) partition by range (ended_at);
create index job_attempt_job on forgeq.job_attempt (job_id);

-- The dispatchers' markers: a row for each owner, '' for those without one. A dispatcher is active until active_until, at most 5 s ahead; one may be waiting
-- inside its invocation for the instant waiting_for, at most 120 s ahead.
create table forgeq.wake (
  owner text primary key,
  -- When a dispatcher or a tick of this owner last ran.
  seen_at timestamptz,
  active_until timestamptz,
  active_by uuid,
  waiting_for timestamptz,
  waiting_by uuid
) with (fillfactor = 20);
insert into forgeq.wake (owner) values ('');

-- The capacity that listening workers offer, so that an enqueue can push a job to one of them. A few rows that hold for some seconds: nothing to log, and a
-- crash of the server ends the connections that listen, too. See docs/adr/0018.
create unlogged table forgeq.worker_capacity (
  worker uuid primary key,
  -- Null: all.
  queues text[],
  types text[] not null,
  -- Names the process in the attempts' records.
  invocation text,
  until timestamptz not null,
  -- Where pushes are sent, and what their code is made with: see functions/send_push.sql. Null: nothing is pushed.
  channel text,
  key bytea
);
-- Without a policy: only the owner's functions read it, whatever a role may select.
alter table forgeq.worker_capacity enable row level security;

-- One row, where there are many queues: what the last look for due queues found. Nothing to log: after a crash of the server somebody looks again.
create unlogged table forgeq.queue_look (
  one boolean primary key default true check (one),
  looked_at timestamptz not null,
  due text[] not null
) with (fillfactor = 20);

-- One row: until when workers have left a tick, or the next slot of a schedule, to one of them. Nothing to log: after a crash of the server somebody takes
-- the turn.
create unlogged table forgeq.worker_turn (
  one boolean primary key default true check (one),
  ticked_at timestamptz,
  slot_until timestamptz
) with (fillfactor = 20);

-- What one caller at a time may do: whoever locks the row, for update, skipping locked ones, is that caller until its transaction ends. No advisory lock, for
-- anybody who can connect may hold one, and learn from pg_locks which. A queue that has max_pending has two rows: see functions/recount_waiting.sql.
create table forgeq.mutex (
  name text primary key
);
insert into forgeq.mutex (name) values ('check_clock'), ('find_queues'), ('mark_jobs'), ('mark_leases'), ('purge_queues'), ('take_turn');

-- Schedules: cron rules that enqueue a job at each slot. The slots are computed in TypeScript (lib/core/slots.ts); functions/fire_schedules.sql enqueues
-- the jobs of each slot, once.
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
  -- Of its jobs: null is the type's, or none.
  max_attempts smallint check (max_attempts between 1 and 1000),
  unique_key text check (length(unique_key) between 1 and 200),
  metadata jsonb check (jsonb_typeof(metadata) = 'object'),
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
  -- The newest job that overlap 'queue_one' has kept waiting for an earlier one; see functions/start_waiting.sql.
  waiting_job_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
) with (fillfactor = 50);
create index schedule_next on forgeq.schedule (next_slot_at, name) where not paused;

-- The parts of a tick, as lib/queue/schedule/tick-parts.ts names them.
create table forgeq.tick_part (
  part text primary key,
  -- When it last went without a failure; work may have been left for the next tick.
  done_at timestamptz,
  -- Where the next tick goes on: of repair, the id of the last job that was examined. Null: at the beginning.
  last_id uuid,
  -- Of repair, while it mends what a clock that went back left: what the clock was before.
  clock_was timestamptz
) with (fillfactor = 20);

-- Counters and histograms that outlive the jobs they count. Ending attempts writes them into the lease's row, which is moved to lease_closed anyway;
-- enqueueing appends one small row per call. The tick folds both into metric_total. See docs/adr/0004.

-- A queue and a type that have had a job.
create table forgeq.metric_series (
  id int generated always as identity primary key,
  queue text not null,
  type text not null,
  unique (queue, type)
);

-- What has been folded. Names as forgeq.metric_ends and forgeq.metric_now give them.
create table forgeq.metric_total (
  series int not null,
  name text not null,
  value bigint not null,
  primary key (series, name)
) with (fillfactor = 50);

-- A ring of eight. Append-only, one row per call and series: 'e'nqueued, 'r'etried by hand, 'c'ancelled without a lease, 'm'ended by repair.
-- Writers use the active side. The tick folds and truncates the others, and makes the next one active. A transaction that has written and stays open keeps
-- one side, and the tick goes on with the others.
create table forgeq.metric_delta_0 (
  series int not null,
  kind "char" not null,
  jobs int not null
);
create table forgeq.metric_delta_1 (like forgeq.metric_delta_0 including all);
create table forgeq.metric_delta_2 (like forgeq.metric_delta_0 including all);
create table forgeq.metric_delta_3 (like forgeq.metric_delta_0 including all);
create table forgeq.metric_delta_4 (like forgeq.metric_delta_0 including all);
create table forgeq.metric_delta_5 (like forgeq.metric_delta_0 including all);
create table forgeq.metric_delta_6 (like forgeq.metric_delta_0 including all);
create table forgeq.metric_delta_7 (like forgeq.metric_delta_0 including all);

-- One row: how far the tables of leases have been worked through. What it says keeps reads short while a transaction of somebody else stays open.
create table forgeq.metric_state (
  one boolean primary key default true check (one),
  active smallint not null default 0 check (active between 0 and 7),
  -- Every closed lease of a transaction that is visible in it is in metric_total, and no other.
  snap pg_snapshot not null default pg_current_snapshot(),
  folded_at timestamptz not null default now(),
  -- When the fold before that was: what a side of the deltas holds that writers have left was written between the two.
  folded_before timestamptz not null default now(),
  -- Open leases with an id below `open_from` are in `open_before`, at most 100. See functions/metric_open.sql.
  open_from uuid not null default '00000000-0000-0000-0000-000000000000',
  open_before uuid[] not null default '{}',
  all_seen_at timestamptz not null default now(),
  -- Closed leases of transactions before `purged_before` are gone, but for those of `left_behind`. See functions/purge_closed_leases.sql.
  purged_before xid8 not null default '0',
  left_behind xid8[] not null default '{}'
) with (fillfactor = 20);
insert into forgeq.metric_state default values;

-- What the counters of a queue said at each fold, for an hour: the rates come from it.
create table forgeq.metric_sample (
  at timestamptz not null,
  queue text not null,
  enqueued bigint not null,
  completed bigint not null,
  failed bigint not null,
  dead bigint not null,
  primary key (queue, at)
);

-- What happened in each minute, quarter of an hour and hour, of each series that had any, and of all together, which is series 0: how many of what, by the
-- positions of functions/metric_position.sql. The fold writes it and keeps minutes for 75 minutes, quarters for 26 hours and hours for 32 days. A fold that
-- comes late is spread over the time that it covers. See docs/adr/0035.
create table forgeq.metric_period (
  series int not null,
  -- Seconds.
  step int not null check (step in (60, 900, 3600)),
  at timestamptz not null,
  counts bigint[] not null,
  primary key (series, step, at)
) with (fillfactor = 50);
-- Rows of all series that are over are deleted by it; none of the columns of an index is ever updated.
create index metric_period_at on forgeq.metric_period (step, at);

-- Keys of the HTTP API that operators made, by their hashes: see functions/find_api_key.sql. Null types or queues are all. A revoked one stays known.
create table forgeq.api_key (
  id text primary key,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  scopes text[] not null,
  types text[],
  queues text[],
  label text not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_on date
);

-- What callers of the HTTP API have named by an Idempotency-Key, for a day: the first answer. Its row is written by the transaction that does the work, so it
-- has an answer as soon as another one sees it. See functions/begin_idempotent.sql.
create table forgeq.idempotency (
  caller text not null,
  key text not null,
  fingerprint text not null,
  status smallint,
  answer text,
  headers json,
  created_at timestamptz not null,
  primary key (caller, key)
);
create index idempotency_age on forgeq.idempotency (created_at);

-- A row of a list: see functions/list_live.sql and functions/list_finished.sql. The last row of a list is no job: `id` is null, and `searched_to` says how far
-- the list came, null for the end.
create type forgeq.listed_job as (
  id uuid, life int, type text, queue text, state text, priority smallint, payload json, metadata jsonb, unique_key text, attempt smallint,
  max_attempts smallint, progress jsonb, created_at timestamptz, run_at timestamptz, started_at timestamptz, finished_at timestamptz, result jsonb,
  error jsonb, lease_id uuid, searched_to uuid);

-- How many jobs wait in each queue that has max_pending; other queues have no row here. See functions/count_waiting.sql and docs/adr/0029.

-- A queue's newest mark counts what the transactions that its snapshot saw have added; newest first, so that a reader passes no dead one.
create table forgeq.waiting_mark (
  queue text not null,
  n bigint not null,
  jobs bigint not null,
  seen pg_snapshot not null default pg_current_snapshot(),
  xid xid8 not null default pg_current_xact_id(),
  primary key (queue, n)
);

-- What has been added and taken away since, a row for each call that did not write a mark.
create table forgeq.waiting_delta (
  queue text not null,
  xid xid8 not null default pg_current_xact_id(),
  jobs int not null
);
create index waiting_delta_xid on forgeq.waiting_delta (queue, xid);

-- A publication for all tables would refuse every delete from a table without a primary key. It is free where nothing is published.
alter table forgeq.waiting_delta replica identity full;
alter table forgeq.metric_delta_0 replica identity full;
alter table forgeq.metric_delta_1 replica identity full;
alter table forgeq.metric_delta_2 replica identity full;
alter table forgeq.metric_delta_3 replica identity full;
alter table forgeq.metric_delta_4 replica identity full;
alter table forgeq.metric_delta_5 replica identity full;
alter table forgeq.metric_delta_6 replica identity full;
alter table forgeq.metric_delta_7 replica identity full;

-- For people: every job, live and finished, every life. Programs read the tables.
create view forgeq.jobs as
select job.id, job.type, job.queue,
       case when lease.began_at is not null then 'running' when job.claim_id is not null then 'leased'
            when job.run_at > now() then 'scheduled' else 'pending' end as state,
       job.priority, job.attempt, job.max_attempts, coalesce(job.life, 1) as life, coalesce(job.created_at, job.run_at) as created_at, job.run_at,
       lease.began_at as started_at, null::timestamptz as finished_at, job.payload::jsonb, null::jsonb as result, null::jsonb as error, job.unique_key,
       coalesce(job.metadata, '{}') as metadata, job.start_before
from forgeq.job
left join forgeq.lease on lease.claim_id = job.claim_id and job.id = any (lease.job_ids)
union all
select id, type, queue, state::text, priority, attempt, max_attempts, life, created_at, coalesce(run_at, created_at),
       began_at, finished_at, payload::jsonb, result, error, unique_key, coalesce(metadata, '{}'), null
from forgeq.job_history;
