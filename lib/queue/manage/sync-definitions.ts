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
  const named = [...new Set(jobs.flatMap((job) => [job.queue, ...job.queues]))].filter((name) => !declared.has(name));
  return db.transaction(async (tx) => {
    await writeDefinitions(tx, [...queues, ...named.map(undeclared)], jobs);
    if (jobs.length > 0) await syncSchedules(tx, jobs, at);
  });
};
