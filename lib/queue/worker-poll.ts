import type { Time } from "./time.ts";

/** Pauses between looks at queues that gave nothing, from the last job on. */
const LADDER_MS = [50, 100, 200, 400, 800, 1_600, 3_200];

/** When an idle worker looks again: soon after its last job, then ever more rarely; and at the instant when a job falls due. */
export interface Poll {
  /** A look found jobs, or none. */
  looked(foundJobs: boolean): void;
  /** A job falls due in so many seconds. */
  due(seconds: number): void;
  stop(): void;
}

/** @param longestMs - the pause that looks of an idle worker end at */
export const createPoll = (time: Time, random: () => number, longestMs: number, look: () => void): Poll => {
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
      if (dueAtMs <= time.elapsedMs()) dueAtMs = Infinity;
      look();
    });
  };

  return {
    looked: (foundJobs) => {
      step = foundJobs ? 0 : step + 1;
      const pauseMs = Math.min(longestMs, LADDER_MS[step] ?? Infinity) * (0.9 + random() / 5);
      set(Math.min(time.elapsedMs() + pauseMs, dueAtMs));
    },
    due: (seconds) => {
      // A timer may fire a moment early.
      dueAtMs = Math.min(dueAtMs, time.elapsedMs() + Math.ceil(seconds * 1000) + 1);
      if (dueAtMs < nextAtMs) set(dueAtMs);
    },
    stop: () => {
      stopped = true;
      cancel();
    },
  };
};
