-- The columns of job and job_history in an order that logs less, and room on each page for the claim of every job on it: 44 bytes of
-- WAL less for each job. See docs/adr/0009. Jobs are copied, history is not: weeks with rows move over as they are, the others are
-- made anew.
lock table forgeq.job, forgeq.job_history in access exclusive mode;
drop view forgeq.jobs;
-- Its argument is the table's row type; functions/job_taken.sql makes it again.
drop function if exists forgeq.job_taken(forgeq.job);

-- Live jobs only. claim_id is never indexed and fillfactor leaves room, so a claim is a HOT update; it logs what lies between the first
-- and the last byte that it changes, so claim_id and attempt are neighbours. A claim makes a row 16 bytes longer: at 50 the last one of a
-- page found no room, and wrote the whole row and two index entries again. What has a fixed width comes first, in a multiple of four, so
-- that the payload needs no padding.
-- No other index may hold `id`: PostgreSQL 18 takes it for look-ups by id and walks every dead entry.
alter table forgeq.job rename to job_before;
create table forgeq.job (
  id uuid not null,
  run_at timestamptz not null,
  created_at timestamptz not null,
  life smallint not null default 1,
  priority smallint not null check (priority between 0 and 9),
  max_attempts smallint not null check (max_attempts between 1 and 1000),
  dispatches smallint not null default 0,
  depth smallint not null default 0,
  claim_id uuid,
  attempt smallint not null default 0,
  payload jsonb not null,
  queue text not null,
  type text not null,
  unique_key text,
  traceparent text,
  metadata jsonb
) with (fillfactor = 46, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
insert into forgeq.job (id, run_at, created_at, life, priority, max_attempts, dispatches, depth, claim_id, attempt, payload, queue, type,
  unique_key, traceparent, metadata)
select id, run_at, created_at, life, priority, max_attempts, dispatches, depth, claim_id, attempt, payload, queue, type,
  unique_key, traceparent, metadata
from forgeq.job_before;
drop table forgeq.job_before;
alter table forgeq.job add primary key (id);
create index job_due on forgeq.job (queue, priority, run_at);

alter table forgeq.job_history rename to job_history_before;
create table forgeq.job_history (
  id uuid not null,
  finished_at timestamptz not null,
  created_at timestamptz not null,
  -- Null where it is created_at, as for nearly every job that completes at once.
  run_at timestamptz,
  began_at timestamptz,
  lease_id uuid,
  state forgeq.finished_state not null,
  life int not null,
  priority smallint not null,
  attempt smallint not null,
  max_attempts smallint not null,
  depth smallint not null,
  payload jsonb,
  queue text not null,
  type text not null,
  unique_key text,
  traceparent text,
  metadata jsonb,
  result jsonb,
  error jsonb
) partition by range (finished_at);

-- A row that is stored in the old order costs a conversion, so empty weeks go: ensure_partitions makes them again.
do $$
declare
  part record;
  filled boolean;
begin
  for part in
    select c.oid::regclass as name, pg_get_expr(c.relpartbound, c.oid) as bounds
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'forgeq.job_history_before'::regclass
  loop
    execute format('select exists (select from %s)', part.name) into filled;
    if filled then
      execute format('alter table forgeq.job_history_before detach partition %s', part.name);
      execute format('alter table %s alter column run_at drop not null', part.name);
      execute format('alter table forgeq.job_history attach partition %s %s', part.name, part.bounds);
    end if;
  end loop;
end
$$;
-- With its empty partitions.
drop table forgeq.job_history_before;
-- Those that the partitions have already become parts of these.
create index job_history_id on forgeq.job_history (id);
create index job_history_failed on forgeq.job_history (state, id) where state <> 'completed';
create index job_history_finished on forgeq.job_history using brin (finished_at) with (pages_per_range = 32);

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
select id, type, queue, state::text, priority, attempt, max_attempts, life, created_at, coalesce(run_at, created_at),
       finished_at, payload, result, error
from forgeq.job_history;
