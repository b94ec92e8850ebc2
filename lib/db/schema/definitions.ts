import { backoffToWire } from "../../core/backoff.ts";
import { ForgeqError } from "../../core/errors.ts";
import type { JobDefinition, QueueDefinition } from "../../core/job.ts";
import type { Sql } from "../drivers/client.ts";

const SYNC_QUEUES = `/* forgeq:sync_queues */
insert into forgeq.queue as q (name, max_in_flight, max_pending, retention_days, keep_completed, declared, owner, code_limits)
select name, max_in_flight, max_pending, retention_days, keep_completed, true, $2::text,
       jsonb_build_object('max_in_flight', max_in_flight, 'max_pending', max_pending, 'retention_days', retention_days)
         || jsonb_strip_nulls(jsonb_build_object('outcome_days', outcome_days))
from jsonb_to_recordset($1::jsonb) as d(name text, max_in_flight int, max_pending int, retention_days int, keep_completed boolean, outcome_days jsonb)
on conflict (name) do update
set max_in_flight = case when 'max_in_flight' = any (q.overridden) then q.max_in_flight else excluded.max_in_flight end,
    max_pending = case when 'max_pending' = any (q.overridden) then q.max_pending else excluded.max_pending end,
    retention_days = case when 'retention_days' = any (q.overridden) then q.retention_days else excluded.retention_days end,
    keep_completed = excluded.keep_completed,
    declared = true,
    owner = coalesce(excluded.owner, q.owner),
    code_limits = excluded.code_limits`;

const UNDECLARE_QUEUES = `/* forgeq:undeclare_queues */
update forgeq.queue set declared = false
where declared and name <> all ($1::text[]) and (owner is null or owner = $2::text)`;

// What is kept for another number of days goes on where its purge was.
const SYNC_OUTCOMES = `/* forgeq:sync_outcome_retention */
with wanted as (
  select d.name, o.key::forgeq.finished_state as state, o.value::int as days
  from jsonb_to_recordset($1::jsonb) as d(name text, outcome_days jsonb) cross join jsonb_each_text(coalesce(d.outcome_days, '{}')) as o(key, value)),
gone as (
  delete from forgeq.outcome_retention r
  where not exists (select from wanted w where w.name = r.queue and w.state = r.state)
    and (r.queue in (select d.name from jsonb_to_recordset($1::jsonb) as d(name text))
      or not exists (select from forgeq.queue q where q.name = r.queue and q.declared)))
insert into forgeq.outcome_retention as r (queue, state, days) select w.name, w.state, w.days from wanted w
on conflict (queue, state) do update set days = excluded.days where r.days <> excluded.days`;

const SYNC_TYPES = `/* forgeq:sync_job_types */
insert into forgeq.job_type as t (type, queue, listed_queues, priority, max_attempts, backoff, timeout_seconds, lease_seconds, batch_size, search, owner)
select type, queue, queues, priority, max_attempts, backoff, timeout_seconds, lease_seconds, batch_size, search, $2::text
from jsonb_to_recordset($1::jsonb) as d(type text, queue text, queues text[], priority smallint, max_attempts smallint, backoff jsonb,
  timeout_seconds int, lease_seconds int, batch_size int, search text[])
on conflict (type) do update
set queue = case when 'queue' = any (t.overridden) then t.queue else excluded.queue end,
    listed_queues = excluded.listed_queues,
    priority = case when 'priority' = any (t.overridden) then t.priority else excluded.priority end,
    max_attempts = case when 'max_attempts' = any (t.overridden) then t.max_attempts else excluded.max_attempts end,
    backoff = case when 'backoff' = any (t.overridden) then t.backoff else excluded.backoff end,
    timeout_seconds = excluded.timeout_seconds,
    lease_seconds = excluded.lease_seconds,
    search = excluded.search,
    owner = coalesce(excluded.owner, t.owner),
    batch_size = case when 'batch_size' = any (t.overridden) then t.batch_size else excluded.batch_size end`;

const FOREIGN = `/* forgeq:foreign_definitions */
select 'type' as kind, type as name, owner from forgeq.job_type where type = any ($1::text[]) and owner <> $3::text
union all
select 'queue', name, owner from forgeq.queue where name = any ($2::text[]) and owner <> $3::text
limit 1`;

/** Types of two owners share no queue, and no type has two. */
const refuseForeign = async (
  sql: Sql,
  queues: readonly QueueDefinition[],
  jobs: readonly JobDefinition[],
  owner: string | null,
): Promise<void> => {
  const params = [jobs.map(({ type }) => type), queues.map(({ name }) => name), owner];
  const [foreign] = await sql.query<{ kind: string; name: string; owner: string }>(FOREIGN, params);
  if (foreign === undefined) return;
  throw new ForgeqError(
    "illegal_state",
    `the ${foreign.kind} ${foreign.name} belongs to ${foreign.owner}, and this is ${owner}: give it another name, or take over everything of ${foreign.owner} by forgeq migrate --adopt-from ${foreign.owner}`,
  );
};

/** As SYNC_QUEUES reads it. */
const toQueueRow = (queue: QueueDefinition) => ({
  name: queue.name,
  max_in_flight: queue.maxInFlight,
  max_pending: queue.maxPending,
  retention_days: queue.retentionDays,
  keep_completed: queue.keepCompleted,
  outcome_days: queue.outcomeDays,
});

/** As SYNC_TYPES reads it. */
const toTypeRow = (job: JobDefinition) => ({
  type: job.type,
  queue: job.queue,
  queues: job.queues,
  priority: job.priority,
  max_attempts: job.retry.maxAttempts,
  backoff: backoffToWire(job.retry.backoff),
  timeout_seconds: job.timeoutSeconds,
  lease_seconds: job.leaseSeconds,
  batch_size: job.batchSize,
  search: job.search,
});

/**
 * Writes what the code declares; a column that an operator has overridden stays. Types and queues that the code dropped stay too, but such a queue is
 * declared no longer, so that an operator may delete it. Code without a job type drops none.
 *
 * @param owner - SERVICE-STAGE that types and queues belong to from now on; null: they keep the owner that they have
 * @throws {ForgeqError} `illegal_state` - a type or a queue belongs to another owner; nothing was changed
 */
export const syncDefinitions = async (
  sql: Sql,
  queues: readonly QueueDefinition[],
  jobs: readonly JobDefinition[],
  owner: string | null = null,
): Promise<void> => {
  await refuseForeign(sql, queues, jobs, owner);
  await sql.query(SYNC_QUEUES, [JSON.stringify(queues.map(toQueueRow)), owner]);
  if (jobs.length > 0) await sql.query(UNDECLARE_QUEUES, [queues.map(({ name }) => name), owner]);
  await sql.query(SYNC_OUTCOMES, [JSON.stringify(queues.map(toQueueRow))]);
  await sql.query(SYNC_TYPES, [JSON.stringify(jobs.map(toTypeRow)), owner]);
};
