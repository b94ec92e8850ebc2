import { ForgeqError } from "../core/errors.ts";
import { toWireQueue } from "../http/wire.ts";
import type { Deps } from "../queue/deps.ts";
import { limitQueue, pauseQueue, resumeQueue } from "../queue/manage/manage-queues.ts";
import { type QueueStats, queueStats } from "../queue/observe/queue-stats.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { count, duration, table } from "./table.ts";
import { paint, print, printJson, say } from "./terminal.ts";

export interface QueueLimitOptions {
  readonly maxInFlight?: number | "none";
  readonly maxPending?: number | "none";
  readonly retentionDays?: number;
}

const HEAD = ["QUEUE", "PENDING", "SCHEDULED", "IN FLIGHT", "LIMIT", "MAX PENDING", "OLDEST", "KEPT", ""];
const RIGHT = HEAD.slice(1, 8);

const rowOf = (queue: QueueStats): string[] => [
  queue.name,
  count(queue.pending),
  count(queue.scheduled),
  count(queue.inFlight),
  queue.maxInFlight === null ? "none" : count(queue.maxInFlight),
  queue.maxPending === null ? "none" : count(queue.maxPending),
  queue.oldestPendingSeconds === null ? "" : duration(queue.oldestPendingSeconds),
  `${queue.retentionDays}d`,
  queue.paused ? paint("yellow", "paused") : "",
];

export const queueTable = (queues: readonly QueueStats[]): string => table(HEAD, queues.map(rowOf), RIGHT);

/** `forgeq queues list` */
export const runQueuesList = (options: GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema" }, async (deps) => {
    const queues = await queueStats(deps);
    if (options.json === true) return queues.forEach((queue) => printJson(toWireQueue(queue)));
    if (queues.length === 0) return say("No queues: forgeq migrate makes those that the project declares.");
    print(queueTable(queues));
  });

const onQueue = (
  name: string,
  options: GlobalOptions,
  act: (deps: Deps) => Promise<QueueStats | "not_found">,
  message: string,
): Promise<void> =>
  withDeps(options, { migrate: "schema" }, async (deps) => {
    const queue = await act(deps);
    if (queue === "not_found") throw new ForgeqError("not_found", `there is no queue ${name}`);
    if (options.json === true) printJson(toWireQueue(queue));
    say(message);
  });

/** `forgeq queues pause` */
export const runQueuesPause = (name: string, options: GlobalOptions): Promise<void> =>
  onQueue(name, options, (deps) => pauseQueue(deps, name), `${name} is paused; what runs goes on.`);

/** `forgeq queues resume` */
export const runQueuesResume = (name: string, options: GlobalOptions): Promise<void> =>
  onQueue(name, options, (deps) => resumeQueue(deps, name), `${name} goes on.`);

const orNull = (limit: number | "none"): number | null => (limit === "none" ? null : limit);

/** `forgeq queues set` */
export const runQueuesSet = (name: string, options: QueueLimitOptions & GlobalOptions): Promise<void> => {
  const limits = {
    ...(options.maxInFlight !== undefined && { maxInFlight: orNull(options.maxInFlight) }),
    ...(options.maxPending !== undefined && { maxPending: orNull(options.maxPending) }),
    ...(options.retentionDays !== undefined && { retentionDays: options.retentionDays }),
  };
  return onQueue(
    name,
    options,
    (deps) => limitQueue(deps, name, limits),
    `${name} has the new limits; the code's no longer change them.`,
  );
};
