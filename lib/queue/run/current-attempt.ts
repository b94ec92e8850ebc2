import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";

/** Names an attempt: a job, and the lease that it runs under. */
export interface Attempt {
  readonly jobId: string;
  readonly leaseId: string;
}

const attempts = new AsyncLocalStorage<Attempt>();

const enter = <Result>(attempt: Attempt, run: () => Result): Result => {
  attempts.enterWith(attempt);
  return run();
};

/**
 * Runs a handler so that `currentAttempt` gives its attempt wherever the handler's work goes on, also in what it does not wait for. The resource
 * brings the caller's context back; `attempts.run` would make one more for that, and takes half as long again.
 */
export const inAttempt = <Result>(attempt: Attempt, run: () => Result): Result =>
  new AsyncResource("forgeq.attempt").runInAsyncScope(enter<Result>, undefined, attempt, run);

/** The attempt that the running code belongs to, if any: in a handler of `uncaughtException`, the one that has thrown. */
export const currentAttempt = (): Attempt | null => attempts.getStore() ?? null;
