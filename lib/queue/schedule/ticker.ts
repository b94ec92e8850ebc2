import { nextEvent } from "../../db/protocol/wake.ts";
import type { Deps } from "../deps.ts";
import { fireSchedules } from "./fire-schedules.ts";
import { recoverLeases } from "./recover-leases.ts";
import { tick } from "./tick.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

const MINUTE_MS = 60_000;
const CHECK_EVERY_MS = 5_000;
/** A tick keeps ten seconds of its time in reserve, as on Lambda. */
const TICK_MS = 55_000;

export interface Ticker {
  /** Starts nothing more, and waits for what is under way. */
  stop(): Promise<void>;
}

interface TickerState {
  /** Set by `stop`. */
  stopped: boolean;
  /** The last run failed: set and cleared by `run`, so that an outage is logged once. */
  away: boolean;
  /** Cancels the next run of each kind: set by `schedule`. */
  readonly cancels: Map<"tick" | "check", () => void>;
  /** Runs that have not ended: changed by `run`. */
  readonly underWay: Set<Promise<void>>;
}

const isDue = (seconds: number | null): boolean => seconds !== null && seconds <= 0;

/** Runs `work`, which never makes the ticker end: a database that is away is tried again by the next run. */
const run = (deps: Deps, state: TickerState, work: () => Promise<unknown>): Promise<void> => {
  const attempt = async (): Promise<void> => {
    try {
      await work();
      if (state.away) deps.logger.info("the scheduler goes on");
      state.away = false;
    } catch (error) {
      if (!state.away)
        deps.logger.warn("the scheduler can't go on; it tries again", {
          reason: error instanceof Error ? error.message : String(error),
        });
      state.away = true;
    }
  };
  const ended = attempt().finally(() => state.underWay.delete(ended));
  state.underWay.add(ended);
  return ended;
};

/** Runs `work` in `nextMs()`, and again and again. */
const schedule = (
  deps: Deps,
  state: TickerState,
  kind: "tick" | "check",
  nextMs: () => number,
  work: () => Promise<unknown>,
): void => {
  if (state.stopped) return;
  const start = () => void run(deps, state, work).then(() => schedule(deps, state, kind, nextMs, work));
  state.cancels.set(kind, deps.time.after(nextMs(), start));
};

/** Does what is due. @returns milliseconds until the next check: `latestMs`, or less where an event comes sooner */
const check = async (deps: Deps, state: TickerState, latestMs: number): Promise<number> => {
  let nextMs = latestMs;
  const owner = deps.config.owner ?? null;
  const due = await nextEvent(deps.db, deps.clock(), false, owner);
  const recover = () =>
    recoverLeases(
      deps,
      () => !state.stopped,
      (wakeSeconds) => wakeDispatcher(deps, wakeSeconds),
      owner,
    );
  // Neither stops the other one.
  const failures: unknown[] = [];
  if (isDue(due.leaseSeconds)) await recover().catch((error: unknown) => failures.push(error));
  if (isDue(due.slotSeconds))
    await fireSchedules(deps, () => state.stopped).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
  const next =
    isDue(due.leaseSeconds) || isDue(due.slotSeconds) ? await nextEvent(deps.db, deps.clock(), false, owner) : due;
  // What could not be done is still due: the next check tries again.
  for (const seconds of [next.leaseSeconds, next.slotSeconds])
    if (seconds !== null && seconds > 0) nextMs = Math.min(nextMs, Math.ceil(seconds * 1000));
  return nextMs;
};

/**
 * The scheduler of a process that stays: a tick now and at each full minute; between them a check every five seconds, and
 * at each instant at which a slot comes or a lease expires. Any number of processes may do it concurrently.
 */
export const startTicker = (deps: Deps): Ticker => {
  const state: TickerState = { stopped: false, away: false, cancels: new Map(), underWay: new Set() };
  const runTick = () => {
    const startedAtMs = deps.time.elapsedMs();
    return tick(deps, () => TICK_MS - (deps.time.elapsedMs() - startedAtMs));
  };
  const untilNextMinuteMs = () => MINUTE_MS - (deps.time.wallMs() % MINUTE_MS);
  let checkInMs = 0;
  const runCheck = async () => {
    checkInMs = CHECK_EVERY_MS * (0.9 + deps.random() / 5);
    checkInMs = await check(deps, state, checkInMs);
  };
  void run(deps, state, runTick).then(() => {
    schedule(deps, state, "tick", untilNextMinuteMs, runTick);
    schedule(deps, state, "check", () => checkInMs, runCheck);
  });
  return {
    stop: async () => {
      state.stopped = true;
      for (const cancel of state.cancels.values()) cancel();
      await Promise.all(state.underWay);
    },
  };
};
