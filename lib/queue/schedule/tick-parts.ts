import { ensurePartitions } from "../../db/drivers/partitions.ts";
import { checkClock, moveRepair, purge, repair, repairPosition } from "../../db/protocol/maintenance.ts";
import { type NextEvent, nextEvent } from "../../db/protocol/wake.ts";
import { foldCounters } from "../../db/reads/metrics.ts";
import type { Deps } from "../deps.ts";
import { observeQueues } from "../observe/queue-stats.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";
import { endPauses } from "./end-pauses.ts";
import { fireSchedules } from "./fire-schedules.ts";
import { recoverLeases } from "./recover-leases.ts";

export const ROWS_PER_CALL = 5_000;
/** So many slices of live jobs are examined in a tick at most, so that a backlog of millions costs a tick no more than one of 100,000. */
const REPAIR_SLICES = 20;

/** What a part did, absent for none. */
export interface TickCounts {
  readonly leasesRecovered?: number;
  readonly jobsRecovered?: number;
  readonly slotsFired?: number;
  readonly partitionsMade?: number;
  readonly partitionsDropped?: number;
  readonly jobsPurged?: number;
  readonly jobsRepaired?: number;
}

interface TickPart {
  readonly name: string;
  /** Its share of the time that is left, in comparison with the parts after it. */
  readonly weight: number;
  /** Does what there is to do until `goesOn` is false, by whole statements. */
  readonly run: (
    deps: Deps,
    goesOn: () => boolean,
  ) => Promise<TickCounts & { /** The next tick is to go on soon. */ readonly workLeft?: boolean }>;
}

/** The earliest of these events, in seconds from now; null for none. */
export const firstOf = (event: NextEvent, of: readonly (keyof NextEvent)[]): number | null =>
  of.reduce<number | null>((first, each) => {
    const seconds = event[each];
    return seconds === null || (first !== null && first <= seconds) ? first : Math.max(0, seconds);
  }, null);

const recoverPart: TickPart["run"] = async (deps, goesOn) => {
  const { leases, jobs, more } = await recoverLeases(
    deps,
    goesOn,
    (wakeSeconds) => wakeDispatcher(deps, wakeSeconds),
    deps.config.owner ?? null,
  );
  return { leasesRecovered: leases, jobsRecovered: jobs, workLeft: more };
};

/** Before the schedules, which go on from what the clock is now. */
const clockPart: TickPart["run"] = async (deps) => {
  noteClock(deps, await checkClock(deps.db, deps.clock()));
  return {};
};

export const noteClock = (deps: Deps, behindSeconds: number): void => {
  if (behindSeconds <= 0) return;
  deps.metrics.count("ClockWentBack", 1);
  deps.logger.error("the database's clock went back", { seconds: Math.round(behindSeconds) });
};

const firePart: TickPart["run"] = async (deps, goesOn) => {
  const { jobs, more } = await fireSchedules(deps, () => !goesOn());
  return { slotsFired: jobs, workLeft: more };
};

const pausesPart: TickPart["run"] = async (deps) => {
  await endPauses(deps);
  return {};
};

const wakePart: TickPart["run"] = async (deps) => {
  await wakeDispatcher(
    deps,
    firstOf(await nextEvent(deps.db, deps.clock(), true, deps.config.owner ?? null), ["jobSeconds", "slotSeconds"]),
  );
  return {};
};

const partitionsPart: TickPart["run"] = async (deps) => ({
  partitionsMade: await ensurePartitions(deps.db, deps.clock()),
});

const foldPart: TickPart["run"] = async (deps) => {
  await foldCounters(deps.db, deps.clock());
  return {};
};

const purgePart: TickPart["run"] = async (deps, goesOn) => {
  let [jobsPurged, partitionsDropped, more] = [0, 0, true];
  while (more && goesOn()) {
    const purged = await purge(deps.db, ROWS_PER_CALL, deps.clock());
    jobsPurged += purged.jobs;
    partitionsDropped += purged.partitions;
    more = purged.more;
  }
  return { jobsPurged, partitionsDropped, workLeft: more };
};

/** Some slices of the live jobs, from where the last tick ended; at the end of them the next tick begins again. */
const repairPart: TickPart["run"] = async (deps, goesOn) => {
  let [jobsRepaired, jobsRedated] = [0, 0];
  const from = await repairPosition(deps.db);
  let after = from.lastId;
  for (let slices = 0; slices < REPAIR_SLICES && goesOn() && (slices === 0 || after !== null); slices += 1) {
    const slice = await repair(deps.db, after, ROWS_PER_CALL, deps.clock(), from.clockWas);
    jobsRepaired += slice.repaired;
    jobsRedated += slice.redated;
    after = slice.lastId;
  }
  await moveRepair(deps.db, from, after);
  await noteRepaired(deps, jobsRepaired, jobsRedated);
  return { jobsRepaired };
};

export const noteRepaired = async (deps: Deps, repaired: number, redated: number): Promise<void> => {
  if (repaired > 0) deps.logger.error("jobs with a claim but no lease were repaired", { jobs: repaired });
  if (redated > 0)
    deps.logger.warn("jobs wait no longer for what the clock was before it went back", { jobs: redated });
  if (repaired + redated > 0) await wakeDispatcher(deps, 0);
};

const observePart: TickPart["run"] = async (deps) => {
  await observeQueues(deps);
  return {};
};

/** In their order: what a job may wait for comes first. Counters are folded before the purge, which keeps what is not folded. */
export const TICK_PARTS: readonly TickPart[] = [
  { name: "recover", weight: 4, run: recoverPart },
  { name: "clock", weight: 1, run: clockPart },
  { name: "fire", weight: 12, run: firePart },
  { name: "pauses", weight: 1, run: pausesPart },
  { name: "wake", weight: 1, run: wakePart },
  { name: "partitions", weight: 1, run: partitionsPart },
  { name: "fold", weight: 1, run: foldPart },
  { name: "purge", weight: 2, run: purgePart },
  { name: "repair", weight: 1, run: repairPart },
  { name: "observe", weight: 1, run: observePart },
];
