import { blockedTypes, unservedTypes } from "../../db/reads/waiting-types.ts";
import { busiestQueues, type QueueStats, readQueuePage, readQueueStats } from "../../db/reads/stats.ts";
import type { Deps } from "../deps.ts";

export type { QueueStats } from "../../db/reads/stats.ts";

/** Queues of one page at most. */
export const PAGE_QUEUES = 100;

/** A page of queues by name with their numbers, what `GET /queues` shows. `next` is the name that the page after this one begins after, null at the end. */
export const queuePage = async (
  deps: Deps,
  after = "",
  limit = PAGE_QUEUES,
): Promise<{ readonly queues: readonly QueueStats[]; readonly next: string | null }> => {
  const queues = await readQueuePage(deps.db, after, limit, deps.clock());
  return { queues, next: queues.length < limit ? null : (queues.at(-1)?.name ?? null) };
};

/** The numbers of every queue by name, a page at a time: what `forgeq queues list` and `forgeq stats` show. */
export const queueStats = async (deps: Deps): Promise<QueueStats[]> => {
  const all: QueueStats[] = [];
  for (let after: string | null = ""; after !== null;) {
    const page: Awaited<ReturnType<typeof queuePage>> = await queuePage(deps, after);
    all.push(...page.queues);
    after = page.next;
  }
  return all;
};

/** The numbers of one queue. */
export const queueStatsOf = async (deps: Deps, name: string): Promise<QueueStats | "not_found"> =>
  (await readQueueStats(deps.db, [name], deps.clock()))[0] ?? "not_found";

/** Metrics have the numbers of so many queues at most: those with most live jobs. */
export const MAX_OBSERVED_QUEUES = 500;

const QUIET = { oldestPendingSeconds: null, scheduled: 0, pending: 0, inFlight: 0, dead: 0 };

/** For longer than a probe is put off. */
const BLOCKED_SECONDS = 60;

/** Once a tick: how late and how full each queue of the owner is, and which types don't begin or are taken by nobody. */
export const observeQueues = async (deps: Deps): Promise<void> => {
  const owner = deps.config.owner ?? null;
  const blocked = await blockedTypes(deps.db, deps.clock(), owner);
  deps.metrics.observe("TypeBlockedAge", Math.max(0, ...blocked.map(({ seconds }) => seconds)));
  for (const { type, seconds, reason } of blocked.filter((each) => each.seconds >= BLOCKED_SECONDS))
    deps.logger.warn("a type is blocked: its handler does not begin", { type, seconds: Math.round(seconds), reason });
  const unserved = await unservedTypes(deps.db, deps.clock(), owner);
  deps.metrics.observe("TypesUnserved", unserved.length);
  for (const { queue, type, seconds } of unserved)
    deps.logger.warn("nobody takes the due jobs of a type", { queue, type, seconds: Math.round(seconds) });
  const { names, quiet } = await busiestQueues(deps.db, MAX_OBSERVED_QUEUES, owner);
  const known = new Set(quiet);
  const others = names.filter((name) => !known.has(name));
  const read = others.length === 0 ? [] : await readQueueStats(deps.db, others, deps.clock());
  for (const queue of [...quiet.map((name) => ({ name, ...QUIET })), ...read]) {
    const of = { queue: queue.name };
    deps.metrics.observe("OldestPendingAge", queue.oldestPendingSeconds ?? 0, of);
    deps.metrics.observe("ScheduledJobs", queue.scheduled, of);
    deps.metrics.observe("PendingJobs", queue.pending, of);
    deps.metrics.observe("RunningJobs", queue.inFlight, of);
    deps.metrics.observe("DeadJobs", queue.dead, of);
  }
};
