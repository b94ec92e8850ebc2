import type { JobDefinition } from "../../../lib/core/job.ts";
import { runLease, type LeaseReport } from "../../../lib/queue/lambda/run-lease.ts";
import type { Work } from "../../../lib/queue/run/run-job.ts";
import { plain, type Setup } from "../queue.ts";

export type PlainWork = Work<typeof plain.payload>;

export interface RunOptions {
  readonly definition?: Partial<JobDefinition<typeof plain.payload>>;
  readonly remainingMs?: () => number;
  readonly leaseId?: string;
}

/** Claims one lease of jobs of type `plain`, unless one is named, and runs it as an invocation with a minute to live. */
export const run = async (s: Setup, work: PlainWork, options: RunOptions = {}): Promise<LeaseReport> => {
  const leaseId = options.leaseId ?? (await s.queue.claim()).leases[0]?.id;
  if (leaseId === undefined) throw new Error("nothing is due");
  return runLease(s.deps, { ...plain, ...options.definition }, work, {
    leaseId,
    invocation: "request",
    remainingMs: options.remainingMs ?? (() => 60_000),
  });
};

/** Resolves when the signal aborts, with the cause. */
export const abortOf = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    const tell = () => resolve((signal.reason as { abortCause: string }).abortCause);
    if (signal.aborted) tell();
    else signal.addEventListener("abort", tell, { once: true });
  });
