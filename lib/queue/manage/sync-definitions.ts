import { backoffToWire } from "../../core/backoff.ts";
import { DEFAULTS, type JobDefinition, type QueueDefinition } from "../../core/job.ts";
import type { Db } from "../../db/drivers/client.ts";
import { syncDefinitions as writeDefinitions } from "../../db/schema/definitions.ts";
import { syncSchedules } from "../schedule/declared-schedules.ts";

const undeclared = (name: string): QueueDefinition => ({
  name,
  maxInFlight: DEFAULTS.maxInFlight,
  maxPending: null,
  retentionDays: DEFAULTS.retentionDays,
  keepCompleted: true,
});

/**
 * Brings job types, queues and declared schedules of the database in line with the code, in one transaction; an operator's overrides
 * stay. Where the code declares no job type at all, no schedule is removed.
 * A queue that only a job names gets the default limits.
 */
export const syncDefinitions = (
  db: Db,
  jobs: readonly JobDefinition[],
  queues: readonly QueueDefinition[],
  at: Date | null = null,
): Promise<void> => {
  const declared = new Set(queues.map((queue) => queue.name));
  const named = [...new Set(jobs.map((job) => job.queue))].filter((name) => !declared.has(name));
  const all = [...queues, ...named.map(undeclared)];
  return db.transaction(async (tx) => {
    await writeDefinitions(
      tx,
      all.map((queue) => ({
        name: queue.name,
        max_in_flight: queue.maxInFlight,
        max_pending: queue.maxPending,
        retention_days: queue.retentionDays,
        keep_completed: queue.keepCompleted,
      })),
      jobs.map((job) => ({
        type: job.type,
        queue: job.queue,
        priority: job.priority,
        max_attempts: job.retry.maxAttempts,
        backoff: backoffToWire(job.retry.backoff),
        timeout_seconds: job.timeoutSeconds,
        lease_seconds: job.leaseSeconds,
        batch_size: job.batchSize,
      })),
    );
    if (jobs.length > 0) await syncSchedules(tx, jobs, at);
  });
};
