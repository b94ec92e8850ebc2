-- ForgeQ's tables. Forward only: never edited once released. The protocol that reads and writes them is in functions/.
create schema if not exists forgeq;

create type forgeq.finished_state as enum ('completed', 'dead', 'cancelled');

-- A named group of jobs. The code declares it; a column named in `overridden` was set by an operator, and wins.
create table forgeq.queue (
  name text primary key check (name ~ '^[a-z][a-z0-9_-]{0,39}$'),
  max_in_flight int default 100 check (max_in_flight >= 0),
  max_pending int check (max_pending >= 0),
  retention_days int not null default 30 check (retention_days between 1 and 3650),
  keep_completed boolean not null default true,
  paused boolean not null default false,
  -- A claim left due jobs behind because of max_in_flight: whoever frees a place wakes the dispatcher.
  waiting boolean not null default false,
  overridden text[] not null default '{}',
  created_at timestamptz not null default now()
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
  overridden text[] not null default '{}'
);

-- Live jobs only. claim_id is never indexed and fillfactor leaves room, so a claim is a HOT update.
-- No other index may hold `id`: PostgreSQL 18 takes it for look-ups by id and walks every dead entry.
create table forgeq.job (
  id uuid primary key,
  run_at timestamptz not null,
  created_at timestamptz not null,
  claim_id uuid,
  life int not null default 1,
  priority smallint not null check (priority between 0 and 9),
  attempt smallint not null default 0,
  max_attempts smallint not null check (max_attempts between 1 and 1000),
  dispatches smallint not null default 0,
  depth smallint not null default 0,
  queue text not null,
  type text not null,
  unique_key text,
  traceparent text,
  metadata jsonb,
  payload jsonb not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

create index job_due on forgeq.job (queue, priority, run_at);

-- At most one live job per type and key. Only jobs that use it have a row.
create table forgeq.unique_key (
  type text not null,
  key text not null check (length(key) between 1 and 200),
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
  cancel_requested uuid[] not null default '{}',
  progress jsonb not null default '{}',
  -- {job id: state} of the jobs that this lease has settled already.
  outcomes jsonb not null default '{}',
  unique (claim_id, ordinal)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- Closed leases, for ten minutes: a call that is sent again finds its first answer here.
create table forgeq.lease_closed (
  id uuid primary key,
  claim_id uuid not null,
  ordinal int not null,
  queue text not null,
  type text not null,
  jobs int not null,
  closed_at timestamptz not null,
  expires_at timestamptz not null,
  begun_by uuid,
  reason text not null,
  -- {job id: state}, or one state as a string when all jobs of the lease ended alike in one call.
  outcomes jsonb not null
);
create index lease_closed_claim on forgeq.lease_closed (claim_id);
create index lease_closed_at on forgeq.lease_closed (closed_at);

create table forgeq.job_history (
  id uuid not null,
  life int not null,
  finished_at timestamptz not null,
  created_at timestamptz not null,
  run_at timestamptz not null,
  began_at timestamptz,
  lease_id uuid,
  state forgeq.finished_state not null,
  priority smallint not null,
  attempt smallint not null,
  max_attempts smallint not null,
  depth smallint not null,
  queue text not null,
  type text not null,
  unique_key text,
  traceparent text,
  metadata jsonb,
  payload jsonb,
  result jsonb,
  error jsonb,
  primary key (id, life, finished_at)
) partition by range (finished_at);
create index job_history_failed on forgeq.job_history (state, id) where state <> 'completed';
create index job_history_finished on forgeq.job_history using brin (finished_at) with (pages_per_range = 32);

-- One row per ended attempt other than a plain completion.
create table forgeq.job_attempt (
  job_id uuid not null,
  life int not null,
  number smallint not null,
  outcome text not null,
  lease_id uuid,
  began_at timestamptz,
  ended_at timestamptz not null,
  invocation text,
  error jsonb
) partition by range (ended_at);
create index job_attempt_job on forgeq.job_attempt (job_id);

-- The dispatcher's marker: one row. A dispatcher is active until active_until, at most 5 s ahead; one may be waiting
-- inside its invocation for the instant waiting_for, at most 120 s ahead.
create table forgeq.wake (
  name text primary key,
  active_until timestamptz,
  active_by uuid,
  waiting_for timestamptz,
  waiting_by uuid
) with (fillfactor = 20);
insert into forgeq.wake (name) values ('dispatcher');

-- For people: every job, live and finished, newest life included. Programs read the tables.
create view forgeq.jobs as
select job.id, job.type, job.queue,
       case when lease.began_at is not null then 'running' when job.claim_id is not null then 'leased'
            when job.run_at > now() then 'scheduled' else 'pending' end as state,
       job.priority, job.attempt, job.max_attempts, job.life, job.created_at, job.run_at,
       null::timestamptz as finished_at, job.payload, null::jsonb as result, null::jsonb as error
from forgeq.job
left join forgeq.lease on lease.claim_id = job.claim_id and job.id = any (lease.job_ids)
union all
select id, type, queue, state::text, priority, attempt, max_attempts, life, created_at, run_at,
       finished_at, payload, result, error
from forgeq.job_history;
