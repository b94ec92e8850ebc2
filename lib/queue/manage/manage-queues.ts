import * as queues from "../../db/reads/queues.ts";
import { armNextMinute } from "../wake/arm.ts";
import type { Deps } from "../deps.ts";
import { type QueueStats, queueStatsOf } from "../observe/queue-stats.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

/** No claim begins after this; what is leased or running goes on. */
export const pauseQueue = async (deps: Deps, name: string): Promise<QueueStats | "not_found"> => {
  await queues.setPaused(deps.db, name, true);
  return queueStatsOf(deps, name);
};

/** Claims again, immediately. */
export const resumeQueue = async (deps: Deps, name: string): Promise<QueueStats | "not_found"> => {
  await armNextMinute(deps);
  if (await queues.setPaused(deps.db, name, false)) await wakeDispatcher(deps, 0, name);
  return queueStatsOf(deps, name);
};

/** Sets limits by hand, which the code's no longer change; a raised one takes effect immediately, a lowered one drains. */
export const limitQueue = async (
  deps: Deps,
  name: string,
  limits: queues.QueueLimits,
): Promise<QueueStats | "not_found"> => {
  await armNextMinute(deps);
  if (await queues.setLimits(deps.db, name, limits)) await wakeDispatcher(deps, 0, name);
  return queueStatsOf(deps, name);
};
