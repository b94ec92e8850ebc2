import { type QueueStats, readQueueStats } from "../db/stats.ts";
import type { Deps } from "./deps.ts";

export type { QueueStats } from "../db/stats.ts";

/** The numbers of every queue, by name: what `GET /queues`, `forgeq stats` and the metrics show. */
export const queueStats = (deps: Deps): Promise<QueueStats[]> => readQueueStats(deps.db, null, deps.clock());

/** The numbers of one queue. */
export const queueStatsOf = async (deps: Deps, name: string): Promise<QueueStats | "not_found"> =>
  (await readQueueStats(deps.db, name, deps.clock()))[0] ?? "not_found";
