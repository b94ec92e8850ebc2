import { recover } from "../db/leases.ts";
import { purge, repair } from "../db/maintenance.ts";
import { foldCounters } from "../db/metrics.ts";
import { ensurePartitions } from "../db/partitions.ts";
import { nextDue } from "../db/wake.ts";
import type { Deps } from "./deps.ts";
import { fireSchedules } from "./fire-schedules.ts";
import { wakeDispatcher, WAIT_HORIZON_SECONDS } from "./wake.ts";

const LEASES_PER_CALL = 200;
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
  let workLeft = false;

  report.slotsFired = (await fireSchedules(deps, outOfTime)).jobs;
  for (let more = true; more && !(workLeft = outOfTime());) {
    const recovered = await recover(deps.db, LEASES_PER_CALL, deps.clock());
    report.leasesRecovered += recovered.leases;
    report.jobsRecovered += recovered.jobs;
    more = recovered.more;
    await wakeDispatcher(deps, recovered.wakeSeconds);
  }
  if (report.leasesRecovered > 0) {
    deps.metrics.count("LeasesRecovered", report.leasesRecovered);
    deps.logger.warn("expired leases were recovered", { leases: report.leasesRecovered, jobs: report.jobsRecovered });
  }
  await wakeDispatcher(deps, await nextDue(deps.db, WAIT_HORIZON_SECONDS, deps.clock()));

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
  return { ...report, workLeft };
};
