import { withAliases } from "../../core/aliases.ts";
import { DEFAULTS, type JobDefinition, type QueueDefinition } from "../../core/job.ts";
import type { Db } from "../../db/drivers/client.ts";
import { syncDefinitions as writeDefinitions } from "../../db/schema/definitions.ts";
import { ensureSearchIndexes } from "../../db/schema/search-indexes.ts";
import { syncSchedules } from "../schedule/declared-schedules.ts";

const undeclared = (name: string): QueueDefinition => ({
  name,
  maxInFlight: DEFAULTS.maxInFlight,
  maxPending: null,
  retentionDays: DEFAULTS.retentionDays,
  keepCompleted: true,
});

/**
 * Brings job types, queues and declared schedules of the database in line with the code, in one transaction, and then makes the indexes of declared search; an
 * operator's overrides stay. Where the code declares no job type at all, no schedule is removed.
 * A queue that only a job names gets the default limits.
 *
 * @param owner - SERVICE-STAGE, where it is known: see docs/adr/0039
 */
export const syncDefinitions = async (
  db: Db,
  declaredJobs: readonly JobDefinition[],
  queues: readonly QueueDefinition[],
  at: Date | null = null,
  owner: string | null = null,
): Promise<void> => {
  const jobs = withAliases(declaredJobs);
  const declared = new Set(queues.map((queue) => queue.name));
  const named = [...new Set(jobs.flatMap((job) => [job.queue, ...job.queues]))].filter((name) => !declared.has(name));
  await db.transaction(async (tx) => {
    await writeDefinitions(tx, [...queues, ...named.map(undeclared)], jobs, owner);
    if (jobs.length > 0) await syncSchedules(tx, declaredJobs, at, owner);
  });
  if (jobs.length > 0) await ensureSearchIndexes(db);
};
