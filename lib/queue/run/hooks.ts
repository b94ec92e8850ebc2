import type { Ended } from "../../db/protocol/settle.ts";
import type { LeasedJob } from "../../db/protocol/leased-job.ts";
import type { Logger } from "../deps.ts";
import type { JobContext } from "./job-context.ts";

/** An attempt that did not complete. */
export interface FailedAttempt {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  /** What was asked for: `retry` and `timed_out` end the job dead, too, where no attempt is left. */
  readonly outcome: "retry" | "dead" | "timed_out" | "worker_crashed";
  /** What the handler threw. */
  readonly error: unknown;
}

/** What an application does around each handler and with each failure, in one place. */
export interface Hooks {
  /** Runs in place of each handler: calls `run`, and gives what that gives. What it throws instead fails the attempt. */
  readonly around?: (job: JobContext & { readonly type: string }, run: () => Promise<unknown>) => Promise<unknown>;
  /** Called with each attempt that failed in this process. What it throws is logged; nobody waits for it. */
  readonly onFailure?: (failed: FailedAttempt) => unknown;
}

/** Shared by all copies of this library in the process: the command's and the handlers'. */
const HOOKS = Symbol.for("forgeq.hooks");
const place = globalThis as { [HOOKS]?: Hooks };

/** Sets the hooks of this process, in place of those before: call it in a module that every handler imports. */
export const setHooks = (hooks: Hooks): void => {
  place[HOOKS] = hooks;
};

/** Runs a handler, within the application's hook where it has set one. */
export const runAround = (type: string, context: JobContext, run: () => Promise<unknown>): Promise<unknown> => {
  const around = place[HOOKS]?.around;
  return around === undefined ? run() : around({ ...context, type }, run);
};

const FAILURES = ["retry", "dead", "timed_out", "worker_crashed"] as const;

/** Tells of an attempt that failed. Never throws. */
export const tellFailure = (logger: Logger, job: LeasedJob, end: Ended, error: unknown): void => {
  const onFailure = place[HOOKS]?.onFailure;
  const outcome = FAILURES.find((each) => each === end.outcome);
  if (onFailure === undefined || outcome === undefined) return;
  const { id, type, queue, attempt, maxAttempts } = job;
  const failed = (): void => logger.error("the hook onFailure has failed", { job: id, type });
  const told = new Promise((resolve) => resolve(onFailure({ id, type, queue, attempt, maxAttempts, outcome, error })));
  void told.catch(failed);
};
