/** Time that stands still while anything works, and jumps to the next timer when nothing does. */
import type { Time } from "../../lib/queue/time.ts";

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

const immediate = () => new Promise<void>((resolve) => setImmediate(resolve));
/** Turns of the event loop without work under way before it counts as idle: promises of real I/O resolve over several. */
const IDLE_TURNS = 3;

export const createVirtualTime = (startMs: number) => {
  let nowMs = startMs;
  let working = 0;
  const timers = new Set<Timer>();

  const after = (ms: number, run: () => void) => {
    const timer = { atMs: nowMs + Math.max(0, ms), run };
    timers.add(timer);
    return () => void timers.delete(timer);
  };

  const settle = async (): Promise<void> => {
    for (let idle = 0; idle < IDLE_TURNS; idle += 1) {
      await immediate();
      if (working > 0) idle = -1;
    }
  };

  const next = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) if (first === undefined || timer.atMs < first.atMs) first = timer;
    return first;
  };

  return {
    now: () => nowMs,
    time: { elapsedMs: () => nowMs, wallMs: () => nowMs, after } satisfies Time,
    sleep: (seconds: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        const cancel = after(seconds * 1000, resolve);
        signal?.addEventListener("abort", () => (cancel(), resolve()));
      }),
    /** Real work, as a statement: time stands still until it is done. */
    working: async <Result>(work: () => Promise<Result>): Promise<Result> => {
      working += 1;
      try {
        return await work();
      } finally {
        working -= 1;
      }
    },
    /** Lets this many seconds pass. */
    pass: async (seconds: number): Promise<void> => {
      const untilMs = nowMs + seconds * 1000;
      for (;;) {
        await settle();
        const timer = next();
        if (timer === undefined || timer.atMs > untilMs) break;
        timers.delete(timer);
        nowMs = Math.max(nowMs, timer.atMs);
        timer.run();
      }
      nowMs = untilMs;
    },
  };
};

export type VirtualTime = ReturnType<typeof createVirtualTime>;
