import { readOverdueSlots } from "../../db/reads/doctor.ts";
import { lastTick } from "../../db/reads/metrics.ts";
import type { Part } from "../../db/reads/part.ts";
import { nextEvent } from "../../db/protocol/wake.ts";
import { busiestQueues, type QueueStats, readQueueStats } from "../../db/reads/stats.ts";
import type { Deps } from "../deps.ts";
import { type ErrorGroups, errorGroups } from "./activity.ts";
import { type PeriodStats, periodStats } from "./period-stats.ts";

/** Queues that an overview shows: those with most live jobs. */
const MAX_QUEUES = 100;
const MAX_ERRORS = 10;
const KEPT_MS = 1_000;

/** What is there, what happened in the last hour, and what fails. */
export interface Overview {
  readonly at: Date;
  readonly lastTickAt: Date | null;
  /** When a job, a slot or a lease is due next; null: nothing is, or the part may not know. */
  readonly nextEventAt: Date | null;
  readonly lastHour: PeriodStats;
  /** Latest first. */
  readonly queues: readonly QueueStats[];
  readonly queuesLeftOut: number;
  readonly errors: ErrorGroups;
  /** Schedules whose slot has passed and was not fired, the latest first. */
  readonly overdue: readonly OverdueSlot[];
}

interface OverdueSlot {
  readonly name: string;
  readonly slotAt: Date;
}

/** A tick fires a slot within a minute; after so long nobody does. */
const OVERDUE_SECONDS = 180;

/** Asked for only where the next slot has passed. */
const overdueOf = async (deps: Deps, slotSeconds: number | null, at: Date): Promise<readonly OverdueSlot[]> =>
  slotSeconds === null || slotSeconds > -OVERDUE_SECONDS
    ? []
    : (await readOverdueSlots(deps.db, OVERDUE_SECONDS, deps.clock())).map(({ name, seconds }) => ({
        name,
        slotAt: new Date(at.getTime() - seconds * 1_000),
      }));

/** The part's queues: with types alone it has none, for their numbers are of queues. */
const queuesOf = async (
  deps: Deps,
  { types, queues }: Part,
): Promise<{ readonly names: readonly string[]; readonly leftOut: number }> => {
  if (queues !== null) return { names: queues.slice(0, MAX_QUEUES), leftOut: Math.max(0, queues.length - MAX_QUEUES) };
  return types === null ? busiestQueues(deps.db, MAX_QUEUES) : { names: [], leftOut: 0 };
};

const byLateness = (a: QueueStats, b: QueueStats): number =>
  (b.oldestPendingSeconds ?? -1) - (a.oldestPendingSeconds ?? -1) || (a.name < b.name ? -1 : 1);

const readOverview = async (deps: Deps, part: Part): Promise<Overview> => {
  const { names, leftOut } = await queuesOf(deps, part);
  const isWhole = part.types === null && part.queues === null;
  const [queues, lastHour, errors, tick, next] = await Promise.all([
    names.length === 0 ? [] : readQueueStats(deps.db, names, deps.clock()),
    periodStats(deps, "1h", part),
    errorGroups(deps, "1h", part, MAX_ERRORS),
    lastTick(deps.db),
    isWhole ? nextEvent(deps.db, deps.clock()) : null,
  ]);
  const dueIn = [next?.jobSeconds, next?.slotSeconds, next?.leaseSeconds].flatMap((seconds) => seconds ?? []);
  return {
    overdue: await overdueOf(deps, next?.slotSeconds ?? null, lastHour.to),
    at: lastHour.to,
    lastTickAt: new Date(tick.seconds * 1_000),
    nextEventAt: dueIn.length === 0 ? null : new Date(lastHour.to.getTime() + Math.min(...dueIn) * 1_000),
    lastHour,
    queues: [...queues].sort(byLateness),
    queuesLeftOut: leftOut,
    errors,
  };
};

/** The overview of a part, read once a second at most, however many look on. A failure is not kept. */
export const createOverview = (): ((deps: Deps, part: Part) => Promise<Overview>) => {
  const kept = new Map<string, { readonly atMs: number; readonly answer: Promise<Overview> }>();
  return (deps, part) => {
    const atMs = deps.time.elapsedMs();
    for (const [key, page] of kept) if (atMs - page.atMs >= KEPT_MS) kept.delete(key);
    const key = JSON.stringify([part.types, part.queues]);
    const known = kept.get(key);
    if (known !== undefined) return known.answer;
    const page = { atMs, answer: readOverview(deps, part) };
    page.answer.catch(() => kept.get(key) === page && kept.delete(key));
    kept.set(key, page);
    return page.answer;
  };
};
