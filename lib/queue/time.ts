/** This process's own time: measures and waits. Never compared with an instant of the database. */
export interface Time {
  /** Milliseconds from an arbitrary beginning; never goes back. */
  readonly elapsedMs: () => number;
  /** Milliseconds since 1970 by this machine's clock: only to name the minute of an armed wake. */
  readonly wallMs: () => number;
  /** Calls `run` once, in `ms` milliseconds; never when that is over 24 days. Gives a function that prevents it. */
  readonly after: (ms: number, run: () => void) => () => void;
}

/** Node's timers fire immediately when they are set for longer: an invocation without a deadline has none for that long. */
const LONGEST_TIMER_MS = 2_147_483_647;

export const realTime: Time = {
  elapsedMs: () => performance.now(),
  wallMs: () => new Date().getTime(),
  after: (ms, run) => {
    if (ms > LONGEST_TIMER_MS) return () => undefined;
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
