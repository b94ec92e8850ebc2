import { recover } from "../../db/protocol/leases.ts";
import { nextEvent } from "../../db/protocol/wake.ts";
import type { Deps } from "../deps.ts";
import { fireSchedules } from "./fire-schedules.ts";
import { tick } from "./tick.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

const MINUTE_MS = 60_000;
const LOOK_EVERY_MS = 5_000;
const LEASES_PER_CALL = 200;
/** A tick keeps ten seconds of its time in reserve, as on Lambda. */
const TICK_MS = 55_000;

export interface Ticker {
  /** Starts nothing more, and waits for what is under way. */
  stop(): Promise<void>;
}

const isDue = (seconds: number | null): boolean => seconds !== null && seconds <= 0;

/**
 * The scheduler of a process that stays: a tick at each full minute and one at once; between them a look every five seconds, and
 * at each instant at which a slot comes or a lease expires. Any number of processes may do it at the same time.
 */
export const startTicker = (deps: Deps): Ticker => {
  const { time } = deps;
  const cancels = new Map<string, () => void>();
  const underWay = new Set<Promise<void>>();
  let stopped = false;
  let away = false;

  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
      if (away) deps.logger.info("the scheduler goes on");
      away = false;
    } catch (error) {
      if (!away)
        deps.logger.warn("the scheduler can't go on; it tries again", {
          reason: error instanceof Error ? error.message : String(error),
        });
      away = true;
    }
  };

  const every = (name: string, nextMs: () => number, work: () => Promise<unknown>): void => {
    if (stopped) return;
    cancels.set(
      name,
      time.after(nextMs(), () => {
        const run = attempt(work).finally(() => {
          underWay.delete(run);
          every(name, nextMs, work);
        });
        underWay.add(run);
      }),
    );
  };

  const runTick = async (): Promise<unknown> => {
    const startedAtMs = time.elapsedMs();
    return tick(deps, () => TICK_MS - (time.elapsedMs() - startedAtMs));
  };
  let lookInMs = 0;
  const look = async (): Promise<void> => {
    lookInMs = LOOK_EVERY_MS * (0.9 + deps.random() / 5);
    const due = await nextEvent(deps.db, deps.clock());
    if (isDue(due.leaseSeconds)) await recoverLeases();
    if (isDue(due.slotSeconds)) await fireSchedules(deps, () => stopped);
    const next = isDue(due.leaseSeconds) || isDue(due.slotSeconds) ? await nextEvent(deps.db, deps.clock()) : due;
    // What could not be done is still due: the next look tries again.
    for (const seconds of [next.leaseSeconds, next.slotSeconds])
      if (seconds !== null && seconds > 0) lookInMs = Math.min(lookInMs, Math.ceil(seconds * 1000));
  };
  const recoverLeases = async (): Promise<void> => {
    const { leases, jobs, wakeSeconds } = await recover(deps.db, LEASES_PER_CALL, deps.clock());
    if (leases > 0) deps.logger.warn("expired leases were recovered", { leases, jobs });
    await wakeDispatcher(deps, wakeSeconds);
  };

  const untilNextMinute = () => MINUTE_MS - (time.wallMs() % MINUTE_MS);
  const first = attempt(runTick).finally(() => {
    underWay.delete(first);
    every("tick", untilNextMinute, runTick);
    every("look", () => lookInMs, look);
  });
  underWay.add(first);

  return {
    stop: async () => {
      stopped = true;
      for (const cancel of cancels.values()) cancel();
      await Promise.all(underWay);
    },
  };
};
