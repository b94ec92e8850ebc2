import { type Attempt, currentAttempt } from "../run/current-attempt.ts";
import type { Deps } from "../deps.ts";
import type { WorkerLeases } from "./leases.ts";

/** Jobs that a line of the log names. */
const NAMED_JOBS = 100;

/** What a worker does about an error that nothing caught: a stray rejection of a handler, or what it throws late. See docs/adr/0043. */
export interface Crash {
  /**
   * To be called in the context of the error. Takes nothing more, and ends the attempt that it can be traced to with it, as a retry by its policy; then
   * the worker is to be stopped. What runs when the grace period ends is released uncounted, or, where any error could not be traced, ends as `worker_crashed`, counted.
   */
  readonly crashed: (error: unknown) => void;
  /** How what still runs is interrupted. */
  readonly abort: () => void;
}

const nameOf = (error: unknown): string => {
  try {
    return error instanceof Error ? error.name : typeof error;
  } catch {
    return "unknown";
  }
};

/** @param close - takes nothing more */
export const createCrash = (
  deps: Deps,
  leases: Pick<WorkerLeases, "running" | "fail" | "abort">,
  close: () => void,
): Crash => {
  /** An error was traced to no attempt: each that runs may be what has thrown it. Set by `crashed`. */
  let untraced = false;
  /** Attempts whose errors were logged: one may go on to throw. */
  const seen = new Set<string>();
  const isNew = (attempt: Attempt | null): boolean => {
    const key = attempt === null ? "" : attempt.jobId + attempt.leaseId;
    return !seen.has(key) && seen.add(key).size > 0;
  };
  return {
    crashed: (error) => {
      const attempt = currentAttempt();
      untraced ||= attempt === null;
      if (!isNew(attempt)) return;
      const running = leases.running();
      // Before the attempt ends: its next one is another worker's.
      close();
      deps.logger.error("an error that nothing caught ends this worker", {
        error: nameOf(error),
        ...(attempt !== null && { job: attempt.jobId, lease: attempt.leaseId }),
        jobs: running.length,
        running: running.slice(0, NAMED_JOBS),
      });
      if (attempt !== null) leases.fail(attempt, error);
    },
    abort: () => {
      if (untraced) leases.abort("worker_crashed", "the worker ends because of an error that nothing caught");
      else leases.abort("shutdown", "the worker is shutting down");
    },
  };
};
