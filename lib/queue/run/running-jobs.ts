import type { AbortCause } from "./attempt.ts";
import type { Time } from "../time.ts";

export interface RunningJob {
  readonly startedAtMs: number;
  /** The first call counts. */
  readonly abort: (cause: AbortCause, message: string) => void;
  /** Ends the attempt as if its handler had thrown this. */
  readonly fail: (error: unknown) => void;
}

/** The jobs of a lease that run now. What runs longer than its type allows is aborted. */
export interface Running {
  add(jobId: string, job: RunningJob): void;
  delete(jobId: string): void;
  /** Those that do not run yet are not to begin. */
  abort(jobIds: readonly string[], cause: AbortCause, message: string): void;
  /** Whether a job that does not run yet was aborted, by itself or with all. */
  mayNotBegin(jobId: string): boolean;
  abortAll(cause: AbortCause, message: string): void;
  /** Ends a job's attempt as if its handler had thrown this. @returns false: it does not run */
  fail(jobId: string, error: unknown): boolean;
  ids(): string[];
  size(): number;
}

/** @param timeoutSeconds - what each of the jobs has from its start; one timer is set for all, because few live to see it */
export const createRunning = (time: Time, timeoutSeconds: number): Running => {
  const timeoutMs = timeoutSeconds * 1000;
  const jobs = new Map<string, RunningJob>();
  const unbegun = new Set<string>();
  let allAborted = false;
  let cancelTimer: (() => void) | undefined;

  const abortLate = (): void => {
    cancelTimer = undefined;
    // In the order of their start.
    for (const { startedAtMs, abort } of jobs.values()) {
      const leftMs = startedAtMs + timeoutMs - time.elapsedMs();
      if (leftMs > 0) {
        cancelTimer = time.after(leftMs, abortLate);
        return;
      }
      abort("timed_out", `the job ran longer than ${timeoutSeconds} s`);
    }
  };

  return {
    add: (jobId, job) => {
      jobs.set(jobId, job);
      cancelTimer ??= time.after(timeoutMs, abortLate);
    },
    delete: (jobId) => {
      jobs.delete(jobId);
      if (jobs.size > 0) return;
      cancelTimer?.();
      cancelTimer = undefined;
    },
    abort: (jobIds, cause, message) => {
      for (const jobId of jobIds) {
        const job = jobs.get(jobId);
        if (job === undefined) unbegun.add(jobId);
        else job.abort(cause, message);
      }
    },
    mayNotBegin: (jobId) => allAborted || unbegun.has(jobId),
    abortAll: (cause, message) => {
      allAborted = true;
      for (const { abort } of jobs.values()) abort(cause, message);
    },
    fail: (jobId, error) => {
      const job = jobs.get(jobId);
      job?.fail(error);
      return job !== undefined;
    },
    ids: () => [...jobs.keys()],
    size: () => jobs.size,
  };
};
