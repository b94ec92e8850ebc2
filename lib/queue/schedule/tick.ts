import { purge, repair } from "../../db/protocol/maintenance.ts";
import { foldCounters } from "../../db/reads/metrics.ts";
import { ensurePartitions } from "../../db/drivers/partitions.ts";
import { type NextEvent, nextEvent } from "../../db/protocol/wake.ts";
import { arm, armNextMinute } from "../wake/arm.ts";
import type { Deps } from "../deps.ts";
import { fireSchedules } from "./fire-schedules.ts";
import { recoverLeases } from "./recover-leases.ts";
import { observeQueues } from "../observe/queue-stats.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

const ROWS_PER_CALL = 5_000;
const RESERVE_MS = 10_000;

export interface TickReport {
  readonly slotsFired: number;
  readonly leasesRecovered: number;
  readonly jobsRecovered: number;
  readonly jobsRepaired: number;
  readonly jobsPurged: number;
  readonly partitionsMade: number;
  readonly partitionsDropped: number;
  /** Time was up before everything was done; the next tick goes on. */
  readonly workLeft: boolean;
}

/**
 * One run of the scheduler: fires schedules, recovers expired leases, wakes the dispatcher when something is due within two minutes, repairs,
 * makes and drops partitions, folds counters, purges. Doubled, late and overlapping ticks do no harm.
 */
export const tick = async (deps: Deps, remainingMs: () => number): Promise<TickReport> => {
  const outOfTime = () => remainingMs() < RESERVE_MS;
  const report = {
    slotsFired: 0,
    leasesRecovered: 0,
    jobsRecovered: 0,
    jobsRepaired: 0,
    jobsPurged: 0,
    partitionsMade: 0,
    partitionsDropped: 0,
  };

  // Before anything is done: the wake that brought this tick is used up.
  await armNextEvent(deps);
  report.slotsFired = (await fireSchedules(deps, outOfTime)).jobs;
  const recovered = await recoverLeases(
    deps,
    () => !outOfTime(),
    (wakeSeconds) => wakeDispatcher(deps, wakeSeconds),
  );
  report.leasesRecovered = recovered.leases;
  report.jobsRecovered = recovered.jobs;
  let workLeft = recovered.more;
  await wakeDispatcher(deps, least(await nextEvent(deps.db, deps.clock()), ["jobSeconds", "slotSeconds"]));

  report.partitionsMade = await ensurePartitions(deps.db, deps.clock()).catch((error: unknown) => {
    deps.logger.warn("history partitions could not be made; the next tick tries again", { reason: String(error) });
    return 0;
  });
  // Before the purge, which keeps what is not folded.
  await foldCounters(deps.db, deps.clock()).catch((error: unknown) => {
    deps.logger.warn("counters could not be folded; the next tick tries again", { reason: String(error) });
  });
  for (let more = true; more && !(workLeft ||= outOfTime());) {
    const purged = await purge(deps.db, ROWS_PER_CALL, deps.clock());
    report.jobsPurged += purged.jobs;
    report.partitionsDropped += purged.partitions;
    more = purged.more;
  }
  for (let after: string | null = null, more = true; more && !(workLeft ||= outOfTime());) {
    const { repaired, lastId }: { repaired: number; lastId: string | null } = await repair(
      deps.db,
      after,
      ROWS_PER_CALL,
      deps.clock(),
    );
    report.jobsRepaired += repaired;
    after = lastId;
    more = lastId !== null;
  }
  if (report.jobsRepaired > 0) {
    deps.logger.error("jobs with a claim but no lease were repaired", { jobs: report.jobsRepaired });
    await wakeDispatcher(deps, 0);
  }
  if (workLeft) await armNextMinute(deps);
  await armNextEvent(deps);
  await observeQueues(deps).catch((error: unknown) => {
    deps.logger.warn("the queues could not be measured", { reason: String(error) });
  });
  deps.metrics.count("Ticks", 1);
  return { ...report, workLeft };
};

const least = (event: NextEvent, of: readonly (keyof NextEvent)[]): number | null =>
  of.reduce<number | null>((first, each) => {
    const seconds = event[each];
    return seconds === null || (first !== null && first <= seconds) ? first : Math.max(0, seconds);
  }, null);

/** Armed mode: the next tick comes for whatever comes next; none when there is nothing. */
const armNextEvent = async (deps: Deps): Promise<void> => {
  if (deps.armer === undefined) return;
  const seconds = least(await nextEvent(deps.db, deps.clock()), ["jobSeconds", "slotSeconds", "leaseSeconds"]);
  if (seconds !== null) await arm(deps, seconds);
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
