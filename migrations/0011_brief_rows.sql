-- A job's rows say less. A payload is kept as the text that was sent, json, not jsonb: ForgeQ hands it on and looks for nothing in it. And what is nearly
-- always the same is null. See docs/adr/0017. Live jobs are written again, history is not: what it has from before stays in a column of its own until it
-- is purged.
lock table forgeq.job, forgeq.job_history in access exclusive mode;
drop view forgeq.jobs;
-- They give payloads, and `create or replace` can't give them another type.
drop function if exists forgeq.begin(uuid, uuid, double precision, text, timestamptz);
drop function if exists forgeq.settle_and_take(uuid, jsonb, jsonb, text[], int, text, double precision, timestamptz, boolean);

-- created_at: null where it is run_at, which whoever moves that sets. dispatches, depth: null is 0. Rows are smaller, so a page holds more of them, each
-- of which a claim makes 16 bytes longer.
alter table forgeq.job
  alter column payload type json,
  alter column created_at drop not null,
  alter column dispatches drop not null, alter column dispatches drop default,
  alter column depth drop not null, alter column depth drop default,
  set (fillfactor = 44);
alter table forgeq.job_history alter column depth drop not null;
alter table forgeq.job_history rename column payload to payload_jsonb;
alter table forgeq.job_history add column payload json;

-- For people: every job, live and finished, newest life included. Programs read the tables.
create view forgeq.jobs as
select job.id, job.type, job.queue,
       case when lease.began_at is not null then 'running' when job.claim_id is not null then 'leased'
            when job.run_at > now() then 'scheduled' else 'pending' end as state,
       job.priority, job.attempt, job.max_attempts, job.life, coalesce(job.created_at, job.run_at) as created_at, job.run_at,
       null::timestamptz as finished_at, job.payload::jsonb, null::jsonb as result, null::jsonb as error
from forgeq.job
left join forgeq.lease on lease.claim_id = job.claim_id and job.id = any (lease.job_ids)
union all
select id, type, queue, state::text, priority, attempt, max_attempts, life, created_at, coalesce(run_at, created_at),
       finished_at, coalesce(payload::jsonb, payload_jsonb), result, error
from forgeq.job_history;
