import type { Time } from "../time.ts";
import type { WorkerState } from "./worker-state.ts";

/** Pauses between polls, from the last job on that nobody had announced. */
const LADDER_MS = [50, 100, 200, 400, 800, 1_600, 3_200];
const LONGEST_MS = 5_500;
/** A statement that is sent anyway makes the next poll when that is as near. */
const NEAR_MS = 1_000;

/**
 * When an idle worker takes from all its queues although nobody announced a job: soon after a job that came unannounced, since more
 * like it may come, then ever more rarely; and at the instant when a job falls due.
 */
export interface Poll {
  /** All queues were visited, or one was that gave jobs nobody had announced. */
  polled(foundUnannounced: boolean): void;
  /** A job falls due in `seconds`. */
  due(seconds: number): void;
  stop(): void;
}

/** The next poll is so near, and for no job in particular, that a statement that is sent now may make it. */
export const isPollNear = (
  { nextPollAtMs, jobDueAtMs }: Pick<WorkerState, "nextPollAtMs" | "jobDueAtMs">,
  nowMs: number,
): boolean => nextPollAtMs < jobDueAtMs && nextPollAtMs - nowMs < NEAR_MS;

/** @param onPoll - called when it is time for a poll, with true when a job falls due */
export const createPoll = (
  state: WorkerState,
  { time, random }: { readonly time: Time; readonly random: () => number },
  onPoll: (due: boolean) => void,
): Poll => {
  let step = 0;
  let cancel = (): void => undefined;
  let stopped = false;

  const set = (atMs: number): void => {
    cancel();
    if (stopped) return;
    state.nextPollAtMs = atMs;
    cancel = time.after(Math.max(0, atMs - time.elapsedMs()), () => {
      state.nextPollAtMs = Infinity;
      const due = state.jobDueAtMs <= time.elapsedMs();
      if (due) state.jobDueAtMs = Infinity;
      onPoll(due);
    });
  };

  return {
    polled: (foundUnannounced) => {
      step = foundUnannounced ? 0 : step + 1;
      const pauseMs = Math.min(LONGEST_MS, LADDER_MS[step] ?? Infinity) * (0.9 + random() / 5);
      set(Math.min(time.elapsedMs() + pauseMs, state.jobDueAtMs));
    },
    due: (seconds) => {
      // A timer may fire a moment early.
      state.jobDueAtMs = Math.min(state.jobDueAtMs, time.elapsedMs() + Math.ceil(seconds * 1000) + 1);
      if (state.jobDueAtMs < state.nextPollAtMs) set(state.jobDueAtMs);
    },
    stop: () => {
      stopped = true;
      cancel();
    },
  };
};
