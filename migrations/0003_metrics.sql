-- Counters and histograms that outlive the jobs they count. Ending attempts writes them into the lease's row, which is moved to
-- lease_closed anyway; enqueueing appends one small row per call. The tick folds both into metric_total. See docs/adr/0004.

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

-- Append-only, one row per call and series: 'e'nqueued, 'r'etried by hand, 'c'ancelled without a lease, 'm'ended by repair.
-- Writers use the active one; the tick folds the other, truncates it and makes it the active one.
create table forgeq.metric_delta_0 (
  series int not null,
  kind "char" not null,
  jobs int not null
);
create table forgeq.metric_delta_1 (like forgeq.metric_delta_0 including all);

-- One row. Every closed lease of a transaction before `folded_before` is in metric_total, and none of a later one.
create table forgeq.metric_state (
  one boolean primary key default true check (one),
  active smallint not null default 0 check (active in (0, 1)),
  folded_before xid8 not null default pg_current_xact_id(),
  folded_at timestamptz not null default now()
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

-- 9 bytes per ended job: see forgeq.metric_end. Not null, because a row without nulls is 8 bytes smaller.
alter table forgeq.lease add column tally bytea not null default '';
alter table forgeq.lease_closed add column tally bytea not null default '', add column xid xid8 not null default pg_current_xact_id();
-- The order of xids is the order of time for purge, too: one index serves both.
drop index forgeq.lease_closed_at;
create index lease_closed_xid on forgeq.lease_closed (xid);

-- When the attempt was due, so that waits can be told from history.
alter table forgeq.job_attempt add column run_at timestamptz;

-- Jobs that wait already were enqueued once.
lock table forgeq.job in share mode;
insert into forgeq.metric_series (queue, type)
select distinct queue, type from forgeq.job union select queue, type from forgeq.job_type;
insert into forgeq.metric_total (series, name, value)
select s.id, 'enqueued', count(*) from forgeq.job j join forgeq.metric_series s on s.queue = j.queue and s.type = j.type group by s.id;

-- They take or give more now, which `create or replace` can't add.
drop function if exists forgeq.queue_stats(text, int, timestamptz);
drop function if exists forgeq.complete_jobs(forgeq.lease, jsonb, boolean, timestamptz);
drop function if exists forgeq.end_uncompleted(forgeq.lease, jsonb, timestamptz);
drop function if exists forgeq.next_due(double precision, timestamptz);
