import { recover } from "../db/leases.ts";
import type { Deps } from "./deps.ts";
import { tick } from "./tick.ts";
import { wakeDispatcher } from "./wake.ts";

const MINUTE_MS = 60_000;
const RECOVER_EVERY_MS = 5_000;
const LEASES_PER_CALL = 200;
/** A tick keeps ten seconds of its time in reserve, as on Lambda. */
const TICK_MS = 55_000;

export interface Ticker {
  /** Starts nothing more, and waits for what is under way. */
  stop(): Promise<void>;
}

/**
 * The scheduler of a process that stays: a tick at each full minute and one at once, and recovery of expired leases every five
 * seconds. Any number of processes may do it at the same time.
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
  const recoverLeases = async (): Promise<void> => {
    const { leases, jobs, wakeSeconds } = await recover(deps.db, LEASES_PER_CALL, deps.clock());
    if (leases > 0) deps.logger.warn("expired leases were recovered", { leases, jobs });
    await wakeDispatcher(deps, wakeSeconds);
  };

  const untilNextMinute = () => MINUTE_MS - (time.wallMs() % MINUTE_MS);
  const first = attempt(runTick).finally(() => {
    underWay.delete(first);
    every("tick", untilNextMinute, runTick);
  });
  underWay.add(first);
  every("recover", () => RECOVER_EVERY_MS * (0.9 + deps.random() / 5), recoverLeases);

  return {
    stop: async () => {
      stopped = true;
      for (const cancel of cancels.values()) cancel();
      await Promise.all(underWay);
    },
  };
};
