import { backoffToWire } from "../../core/backoff.ts";
import type { JobDefinition, QueueDefinition } from "../../core/job.ts";
import type { Sql } from "../drivers/client.ts";

const SYNC_QUEUES = `/* forgeq:sync_queues */
insert into forgeq.queue as q (name, max_in_flight, max_pending, retention_days, keep_completed, declared, code_limits)
select name, max_in_flight, max_pending, retention_days, keep_completed, true,
       jsonb_build_object('max_in_flight', max_in_flight, 'max_pending', max_pending, 'retention_days', retention_days)
from jsonb_to_recordset($1::jsonb) as d(name text, max_in_flight int, max_pending int, retention_days int, keep_completed boolean)
on conflict (name) do update
set max_in_flight = case when 'max_in_flight' = any (q.overridden) then q.max_in_flight else excluded.max_in_flight end,
    max_pending = case when 'max_pending' = any (q.overridden) then q.max_pending else excluded.max_pending end,
    retention_days = case when 'retention_days' = any (q.overridden) then q.retention_days else excluded.retention_days end,
    keep_completed = excluded.keep_completed,
    declared = true,
    code_limits = excluded.code_limits`;

const UNDECLARE_QUEUES = `/* forgeq:undeclare_queues */
update forgeq.queue set declared = false where declared and name <> all ($1::text[])`;

const SYNC_TYPES = `/* forgeq:sync_job_types */
insert into forgeq.job_type as t (type, queue, listed_queues, priority, max_attempts, backoff, timeout_seconds, lease_seconds, batch_size, search)
select type, queue, queues, priority, max_attempts, backoff, timeout_seconds, lease_seconds, batch_size, search
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
    batch_size = case when 'batch_size' = any (t.overridden) then t.batch_size else excluded.batch_size end`;

/** As SYNC_QUEUES reads it. */
const toQueueRow = (queue: QueueDefinition) => ({
  name: queue.name,
  max_in_flight: queue.maxInFlight,
  max_pending: queue.maxPending,
  retention_days: queue.retentionDays,
  keep_completed: queue.keepCompleted,
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
 */
export const syncDefinitions = async (
  sql: Sql,
  queues: readonly QueueDefinition[],
  jobs: readonly JobDefinition[],
): Promise<void> => {
  await sql.query(SYNC_QUEUES, [JSON.stringify(queues.map(toQueueRow))]);
  if (jobs.length > 0) await sql.query(UNDECLARE_QUEUES, [queues.map(({ name }) => name)]);
  await sql.query(SYNC_TYPES, [JSON.stringify(jobs.map(toTypeRow))]);
};
