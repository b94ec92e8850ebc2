import type { Time } from "../time.ts";

/** Pauses between looks, from the last job on that nobody had told of. */
const LADDER_MS = [50, 100, 200, 400, 800, 1_600, 3_200];
/** A statement that is sent anyway makes the next look when that is as near. */
const NEAR_MS = 1_000;

/**
 * When an idle worker looks at all its queues: soon after a job that nobody had told it of, since more like it may come, then ever more rarely;
 * and at the instant when a job falls due.
 */
export interface Poll {
  /** All queues have been looked at, or one was that gave jobs nobody had told of. */
  looked(foundUntold: boolean): void;
  /** A job falls due in so many seconds. */
  due(seconds: number): void;
  /** The next look is so near, and for no job in particular, that a statement that is sent now may make it. */
  near(): boolean;
  stop(): void;
}

/**
 * @param longestMs - the pause that looks of an idle worker end at
 * @param look - with true when a job falls due
 */
export const createPoll = (time: Time, random: () => number, longestMs: number, look: (due: boolean) => void): Poll => {
  let step = 0;
  let dueAtMs = Infinity;
  let nextAtMs = Infinity;
  let cancel = (): void => undefined;
  let stopped = false;

  const set = (atMs: number): void => {
    cancel();
    if (stopped) return;
    nextAtMs = atMs;
    cancel = time.after(Math.max(0, atMs - time.elapsedMs()), () => {
      nextAtMs = Infinity;
      const due = dueAtMs <= time.elapsedMs();
      if (due) dueAtMs = Infinity;
      look(due);
    });
  };

  return {
    looked: (foundUntold) => {
      step = foundUntold ? 0 : step + 1;
      const pauseMs = Math.min(longestMs, LADDER_MS[step] ?? Infinity) * (0.9 + random() / 5);
      set(Math.min(time.elapsedMs() + pauseMs, dueAtMs));
    },
    due: (seconds) => {
      // A timer may fire a moment early.
      dueAtMs = Math.min(dueAtMs, time.elapsedMs() + Math.ceil(seconds * 1000) + 1);
      if (dueAtMs < nextAtMs) set(dueAtMs);
    },
    near: () => nextAtMs < dueAtMs && nextAtMs - time.elapsedMs() < NEAR_MS,
    stop: () => {
      stopped = true;
      cancel();
    },
  };
};
