import { type QueueStats, readQueueStats } from "../../db/reads/stats.ts";
import type { Deps } from "../deps.ts";

export type { QueueStats } from "../../db/reads/stats.ts";

/** The numbers of every queue, by name: what `GET /queues`, `forgeq stats` and the metrics show. */
export const queueStats = (deps: Deps): Promise<QueueStats[]> => readQueueStats(deps.db, null, deps.clock());

/** The numbers of one queue. */
export const queueStatsOf = async (deps: Deps, name: string): Promise<QueueStats | "not_found"> =>
  (await readQueueStats(deps.db, name, deps.clock()))[0] ?? "not_found";

/** Once a tick: how late and how full each queue is. */
export const observeQueues = async (deps: Deps): Promise<void> => {
  for (const queue of await queueStats(deps)) {
    const of = { queue: queue.name };
    deps.metrics.observe("OldestPendingAge", queue.oldestPendingSeconds ?? 0, of);
    deps.metrics.observe("ScheduledJobs", queue.scheduled, of);
    deps.metrics.observe("PendingJobs", queue.pending, of);
    deps.metrics.observe("RunningJobs", queue.inFlight, of);
    deps.metrics.observe("DeadJobs", queue.dead, of);
  }
};
