import type { AbortCause } from "./attempt.ts";
import type { Time } from "../time.ts";

export interface RunningJob {
  readonly id: string;
  readonly startedAtMs: number;
  /** The first call counts. */
  readonly abort: (cause: AbortCause, message: string) => void;
  /** Ends the attempt as if its handler had thrown this. */
  readonly fail: (error: unknown) => void;
}

/** The jobs of a lease that run now. What runs longer than its type allows is aborted. */
export interface Running {
  /** @returns the job's place, for `delete` */
  add(job: RunningJob): number;
  delete(place: number): void;
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
  /** In the order of their start, with a hole where one has ended: nothing is looked up while all goes well. */
  const jobs: (RunningJob | undefined)[] = [];
  let size = 0;
  const unbegun = new Set<string>();
  let allAborted = false;
  let cancelTimer: (() => void) | undefined;
  const all = (): RunningJob[] => jobs.filter((job) => job !== undefined);

  const abortLate = (): void => {
    cancelTimer = undefined;
    for (const { startedAtMs, abort } of all()) {
      const leftMs = startedAtMs + timeoutMs - time.elapsedMs();
      if (leftMs > 0) {
        cancelTimer = time.after(leftMs, abortLate);
        return;
      }
      abort("timed_out", `the job ran longer than ${timeoutSeconds} s`);
    }
  };

  return {
    add: (job) => {
      size += 1;
      cancelTimer ??= time.after(timeoutMs, abortLate);
      return jobs.push(job) - 1;
    },
    delete: (place) => {
      jobs[place] = undefined;
      size -= 1;
      if (size > 0) return;
      jobs.length = 0;
      cancelTimer?.();
      cancelTimer = undefined;
    },
    abort: (jobIds, cause, message) => {
      const byId = new Map(all().map((job) => [job.id, job]));
      for (const jobId of jobIds) {
        const job = byId.get(jobId);
        if (job === undefined) unbegun.add(jobId);
        else job.abort(cause, message);
      }
    },
    mayNotBegin: (jobId) => allAborted || unbegun.has(jobId),
    abortAll: (cause, message) => {
      allAborted = true;
      for (const { abort } of all()) abort(cause, message);
    },
    fail: (jobId, error) => {
      const job = all().find(({ id }) => id === jobId);
      job?.fail(error);
      return job !== undefined;
    },
    ids: () => all().map(({ id }) => id),
    size: () => size,
  };
};
