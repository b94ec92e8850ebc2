import { ForgeqError } from "../../core/errors.ts";
import { reasonOf } from "../../core/reason.ts";
import type { Db } from "../../db/drivers/client.ts";
import { recordTickParts } from "../../db/protocol/maintenance.ts";
import { nextEvent } from "../../db/protocol/wake.ts";
import { arm, armNextMinute } from "../wake/arm.ts";
import type { Deps } from "../deps.ts";
import { firstOf, TICK_PARTS, type TickCounts } from "./tick-parts.ts";

const RESERVE_MS = 10_000;

export interface TickReport extends Required<TickCounts> {
  /** The parts that failed, by their names; the next tick tries them again. */
  readonly partsFailed: readonly string[];
  /** Time was up before everything was done, or a part failed; the next tick goes on. */
  readonly workLeft: boolean;
}

/**
 * One run of the scheduler, in parts: recovers expired leases, fires schedules, wakes the dispatcher when something is due within two minutes,
 * makes partitions, folds counters, purges, repairs, and measures the queues. Doubled, late and overlapping ticks do no harm.
 *
 * No part stops another one: each has a share of the time that is left, and one that fails, or has work left when its share is over, goes on in the next tick.
 *
 * @throws what the first part failed with, when every part failed
 */
export const tick = async (deps: Deps, remainingMs: () => number): Promise<TickReport> => {
  const leftMs = () => remainingMs() - RESERVE_MS;
  const counts: Required<TickCounts> = {
    leasesRecovered: 0,
    jobsRecovered: 0,
    slotsFired: 0,
    partitionsMade: 0,
    partitionsDropped: 0,
    jobsPurged: 0,
    jobsRepaired: 0,
  };
  const failures: { readonly part: string; readonly error: unknown }[] = [];
  const done: string[] = [];
  // Before anything is done: the wake that brought this tick is used up.
  let workLeft = !(await armNextEvent(deps));
  for (const [n, { name, weight, run }] of TICK_PARTS.entries()) {
    const weights = TICK_PARTS.slice(n).reduce((sum, part) => sum + part.weight, 0);
    const untilMs = Math.max(0, leftMs() * (1 - weight / weights));
    const goesOn = () => leftMs() > untilMs;
    if (!goesOn()) {
      workLeft = true;
      continue;
    }
    const share = withinShare(deps.db, goesOn);
    try {
      const { workLeft: more = false, ...counted } = await run({ ...deps, db: share.db }, goesOn);
      Object.assign(counts, counted);
      workLeft ||= more;
      done.push(name);
    } catch (error) {
      failures.push({ part: name, error: share.overdue() ?? error });
    }
  }
  const [first] = failures;
  if (first !== undefined && failures.length === TICK_PARTS.length) throw first.error;

  for (const { part, error } of failures)
    deps.logger.warn("a part of the tick failed; the next tick tries again", { part, reason: reasonOf(error) });
  if (failures.length > 0) deps.metrics.count("TickPartsFailed", failures.length);
  const names = TICK_PARTS.map(({ name }) => name);
  await recordTickParts(deps.db, names, done, deps.clock(), deps.config.owner ?? null).catch((error: unknown) => {
    deps.logger.warn("it could not be recorded which parts of the tick were done", { reason: reasonOf(error) });
  });
  workLeft ||= failures.length > 0;
  if (!(await armNextEvent(deps)) || workLeft) await armNextMinute(deps);
  deps.metrics.count("Ticks", 1);
  return { ...counts, partsFailed: failures.map(({ part }) => part), workLeft };
};

/** The database for a part: a statement that fails after the part's share of the time is not sent again. `overdue` is what it failed with. */
const withinShare = (db: Db, goesOn: () => boolean): { readonly db: Db; readonly overdue: () => unknown } => {
  let overdue: unknown;
  const query = async <Row>(text: string, params?: readonly unknown[]): Promise<Row[]> => {
    try {
      return await db.query<Row>(text, params);
    } catch (error) {
      if (goesOn()) throw error;
      overdue = error;
      throw new ForgeqError("busy", "the share of this part of the tick is over");
    }
  };
  return { db: { ...db, query }, overdue: () => overdue };
};

/** Armed mode: the next tick comes for whatever comes next; none when there is nothing. False: what comes next could not be read. */
const armNextEvent = async (deps: Deps): Promise<boolean> => {
  if (deps.armer === undefined) return true;
  try {
    const seconds = firstOf(await nextEvent(deps.db, deps.clock(), true, deps.config.owner ?? null), [
      "jobSeconds",
      "slotSeconds",
      "leaseSeconds",
    ]);
    if (seconds !== null) await arm(deps, seconds);
    return true;
  } catch (error) {
    deps.logger.warn("what comes next could not be read; a tick comes in a minute", { reason: reasonOf(error) });
    return false;
  }
};

/** Longer than a minute is never slept: a wake comes in the minute whose end it names. */
const LONGEST_SLEEP_SECONDS = 61;

/**
 * The tick of an armed wake: sleeps inside its invocation until the instant it is for, and touches no database before. A tick that
 * fails arms another one, since the wake that brought it is used up.
 *
 * @param until - null for a tick that is not armed
 */
export const wokenTick = async (deps: Deps, until: Date | null, remainingMs: () => number): Promise<TickReport> => {
  const seconds = until === null ? 0 : (until.getTime() - deps.time.wallMs()) / 1000;
  if (seconds > 0) await deps.sleep(Math.min(seconds, LONGEST_SLEEP_SECONDS));
  try {
    return await tick(deps, remainingMs);
  } catch (error) {
    await armNextMinute(deps);
    throw error;
  }
};
