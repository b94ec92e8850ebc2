import { ForgeqError } from "../core/errors.ts";
import { pauseBody } from "../http/schemas.ts";
import { toWireQueue } from "../http/wire.ts";
import type { Deps } from "../queue/deps.ts";
import { deleteQueue, pauseQueue, resetLimits, resumeQueue, setQueue } from "../queue/manage/manage-queues.ts";
import { type QueueStats, queueStats } from "../queue/observe/queue-stats.ts";
import { checkOptions } from "./check-options.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { UsageError } from "./failure.ts";
import { COLUMNS } from "./columns.ts";
import { count, duration, printTable, tableText } from "./table.ts";
import { firstLine, paint, printable, printJson, say } from "./terminal.ts";

export interface QueueLimitOptions {
  readonly maxInFlight?: number | "none";
  readonly maxPending?: number | "none";
  readonly retentionDays?: number;
  readonly types?: readonly string[] | "none";
}

const pauseOf = ({ paused, pause }: QueueStats): string => {
  if (!paused) return "";
  const until = pause?.until ? ` until ${pause.until.toISOString().slice(0, 16).replace("T", " ")}` : "";
  return `${paint("yellow", "paused")}${until}${pause?.reason ? `: ${firstLine(pause.reason)}` : ""}`;
};

/** As `30d (completed 1d)`. */
const retentionOf = ({ retentionDays, codeLimits }: QueueStats): string => {
  const fewer = Object.entries(codeLimits?.outcome_days ?? {}).map(([state, days]) => `${state} ${days}d`);
  return fewer.length === 0 ? `${retentionDays}d` : `${retentionDays}d (${fewer.join(", ")})`;
};

const rowOf = (queue: QueueStats): string[] => [
  printable(queue.name),
  count(queue.pending),
  count(queue.scheduled),
  count(queue.inFlight),
  queue.maxInFlight === null ? "none" : count(queue.maxInFlight),
  queue.maxPending === null ? "none" : count(queue.maxPending),
  queue.oldestPendingSeconds === null ? "" : duration(queue.oldestPendingSeconds),
  retentionOf(queue),
  pauseOf(queue),
];

/** For what is drawn again and again. */
export const queueTable = (queues: readonly QueueStats[], options: GlobalOptions): string =>
  tableText(COLUMNS.queues, queues.map(rowOf), options);

/** `forgeq queues list` */
export const runQueuesList = (options: GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "read" }, async (deps) => {
    const queues = await queueStats(deps);
    if (options.json === true) return queues.forEach((queue) => printJson(toWireQueue(queue)));
    if (queues.length === 0) return say("No queues: forgeq migrate makes those that the project declares.");
    printTable(COLUMNS.queues, queues.map(rowOf), options);
  });

const unknown = (name: string): ForgeqError => new ForgeqError("not_found", `there is no queue ${name}`);

const onQueue = (
  name: string,
  options: GlobalOptions,
  act: (deps: Deps) => Promise<QueueStats | "not_found">,
  message: string,
): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "api" }, async (deps) => {
    const queue = await act(deps);
    if (queue === "not_found") throw unknown(name);
    if (options.json === true) printJson(toWireQueue(queue));
    say(message);
  });

export interface QueuePauseOptions {
  readonly reason?: string;
  readonly until?: Date;
}

/** `forgeq queues pause` */
export const runQueuesPause = async (name: string, options: QueuePauseOptions & GlobalOptions): Promise<void> => {
  const { until } = options;
  const pause = checkOptions(pauseBody, { reason: options.reason, until: until?.toISOString() });
  const end = until === undefined ? "" : ` The pause ends at ${until.toISOString()}.`;
  const act = (deps: Deps) =>
    pauseQueue(deps, name, pause).catch((error: unknown) => {
      // The database's clock has said so: the option is wrong all the same.
      throw error instanceof ForgeqError && error.code === "invalid_queue" ? new UsageError(error.message) : error;
    });
  return onQueue(name, options, act, `${name} is paused; what runs goes on.${end}`);
};

/** `forgeq queues reset` */
export const runQueuesReset = (name: string, options: GlobalOptions): Promise<void> =>
  onQueue(name, options, (deps) => resetLimits(deps, name), `${name} has the limits of the code again.`);

/** `forgeq queues resume` */
export const runQueuesResume = (name: string, options: GlobalOptions): Promise<void> =>
  onQueue(name, options, (deps) => resumeQueue(deps, name), `${name} goes on.`);

const orNull = (limit: number | "none"): number | null => (limit === "none" ? null : limit);

/** `forgeq queues set` */
export const runQueuesSet = (name: string, options: QueueLimitOptions & GlobalOptions): Promise<void> => {
  const { maxInFlight, maxPending, retentionDays, types } = options;
  const limits = {
    ...(maxInFlight !== undefined && { maxInFlight: orNull(maxInFlight) }),
    ...(maxPending !== undefined && { maxPending: orNull(maxPending) }),
    ...(retentionDays !== undefined && { retentionDays }),
    ...(types !== undefined && { types: types === "none" ? [] : types }),
  };
  return withDeps(options, { migrate: "schema", part: "api" }, async (deps) => {
    const set = await setQueue(deps, name, limits);
    if (set === "not_found") {
      const { message } = unknown(name);
      throw new ForgeqError("not_found", `${message}: --types declares it, with the types whose jobs may go there`);
    }
    if (options.json === true) printJson(toWireQueue(set.queue));
    if (set.declared) say(`${name} is declared.`);
    else if (Object.keys(limits).some((key) => key !== "types"))
      say(`${name} has the new limits; the code's no longer change them.`);
    if (types !== undefined) say(whoseJobs(name, set.queue.types));
  });
};

const whoseJobs = (name: string, types: readonly string[]): string =>
  types.length === 0
    ? `Only jobs of types that the code names for ${name} may go there.`
    : `Jobs of ${printable(types.join(", "))} may go to ${name}, and those of types that the code names for it.`;

/** `forgeq queues delete` */
export const runQueuesDelete = (name: string, options: GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "api" }, async (deps) => {
    if ((await deleteQueue(deps, name)) === "not_found") throw unknown(name);
    say(`${name} is gone; its finished jobs stay.`);
  });
