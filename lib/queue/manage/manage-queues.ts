import { ForgeqError } from "../../core/errors.ts";
import * as queues from "../../db/reads/queues.ts";
import { arm, armNextMinute } from "../wake/arm.ts";
import type { Deps } from "../deps.ts";
import { type QueueStats, queueStatsOf } from "../observe/queue-stats.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

/** A pause goes on for so long at most where it has an end. */
const MAX_PAUSE_DAYS = 3_660;

/**
 * No claim begins after this; what is leased or running goes on. A pause with an end is over then, with the next take or tick. A queue that is paused
 * already gets the new reason and end.
 *
 * @throws {ForgeqError} `invalid_queue` - `until` is past, or more than ten years ahead; nothing was changed
 */
export const pauseQueue = async (
  deps: Deps,
  name: string,
  { reason = null, until = null }: Partial<queues.Pause> = {},
): Promise<QueueStats | "not_found"> => {
  const seconds = until === null ? 0 : (until.getTime() - (deps.clock()?.getTime() ?? deps.time.wallMs())) / 1000;
  if (until !== null && (seconds <= 0 || seconds > MAX_PAUSE_DAYS * 86_400))
    throw new ForgeqError("invalid_queue", "the pause must end at an instant to come, in ten years at most", {
      errors: [{ pointer: "/until", message: "must be an instant to come, in ten years at most" }],
    });
  const paused = await queues.setPaused(deps.db, name, { reason, until }, deps.clock());
  if (paused && until !== null) await arm(deps, seconds);
  return queueStatsOf(deps, name);
};

/** The limits that the code declares are in force again; the defaults where it declares none. */
export const resetLimits = async (deps: Deps, name: string): Promise<QueueStats | "not_found"> => {
  await armNextMinute(deps);
  if (await queues.resetLimits(deps.db, name)) await wakeDispatcher(deps, 0, name);
  return queueStatsOf(deps, name);
};

/** Claims again, immediately. */
export const resumeQueue = async (deps: Deps, name: string): Promise<QueueStats | "not_found"> => {
  await armNextMinute(deps);
  if (await queues.setPaused(deps.db, name, false)) await wakeDispatcher(deps, 0, name);
  return queueStatsOf(deps, name);
};

/**
 * Sets limits by hand, which the code's no longer change; a raised one takes effect immediately, a lowered one drains. `types` are those whose jobs may go
 * to the queue, in addition to the types of which the code says so; a queue that is not there is declared where they are given.
 *
 * @throws {ForgeqError} `unknown_type`; `invalid_queue` - types of two owners; nothing was changed
 */
export const setQueue = async (
  deps: Deps,
  name: string,
  given: queues.QueueLimits,
): Promise<{ readonly queue: QueueStats; readonly declared: boolean } | "not_found"> => {
  const limits = given.types === undefined ? given : { ...given, types: [...new Set(given.types)] };
  await checkTypes(deps, name, limits.types ?? []);
  await armNextMinute(deps);
  const set = await queues.setLimits(deps.db, name, limits);
  const declared = !set && limits.types !== undefined && (await queues.declareQueue(deps.db, name, limits));
  // Somebody has declared it meanwhile.
  const setNow = set || (limits.types !== undefined && !declared && (await queues.setLimits(deps.db, name, limits)));
  if (setNow) await wakeDispatcher(deps, 0, name);
  const queue = await queueStatsOf(deps, name);
  return queue === "not_found" ? queue : { queue, declared };
};

const checkTypes = async (deps: Deps, queue: string, types: readonly string[]): Promise<void> => {
  if (types.length === 0) return;
  const unknown = await queues.unknownTypes(deps.db, types);
  if (unknown.length === 0) {
    const owners = await queues.ownersOf(deps.db, queue, types);
    if (owners.length < 2) return;
    throw new ForgeqError("invalid_queue", `types of ${owners.join(" and ")} can't share a queue`, {
      errors: [{ pointer: "/types", message: `are of ${owners.join(" and ")}, which can't share a queue` }],
    });
  }
  throw new ForgeqError("unknown_type", `there is no job type ${unknown.join(", ")}`, {
    errors: unknown.map((type) => ({ pointer: `/types/${types.indexOf(type)}`, message: "is not a known job type" })),
  });
};

const TRIES = 10;

const REFUSALS = {
  queue_declared: (name: string) =>
    `the code declares the queue ${name}: remove it there, and deploy or run forgeq migrate`,
  queue_not_empty: (name: string) => `the queue ${name} has live jobs: let them end, or cancel them`,
};

/**
 * Takes a queue away that an operator declared, or that the code declares no longer. Its finished jobs stay.
 *
 * @throws {ForgeqError} `queue_declared`; `queue_not_empty`; `busy` - transactions that store jobs held the types for about a second; nothing was changed
 */
export const deleteQueue = async (deps: Deps, name: string): Promise<"deleted" | "not_found"> => {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const outcome = await queues.deleteQueue(deps.db, name);
    if (outcome === "deleted" || outcome === "not_found") return outcome;
    if (outcome !== "busy") throw new ForgeqError(outcome, REFUSALS[outcome](name));
    await deps.sleep(0.02 * (tried + 1) * (0.5 + deps.random()));
  }
  throw new ForgeqError("busy", "transactions that store jobs have not ended; try again", { retryAfterSeconds: 1 });
};
