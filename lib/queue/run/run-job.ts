import type * as z from "zod";
import type { JobDefinition } from "../../core/job.ts";
import type { LeasedJob } from "../../db/protocol/leased-job.ts";
import type { LeaseHolder, AttemptError, Ended } from "../../db/protocol/settle.ts";
import { type AbortCause, endOfThrown, JobAborted, toAttemptError, toResult } from "./attempt.ts";
import type { Deps } from "../deps.ts";
import { inAttempt } from "./current-attempt.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { runAround, tellFailure } from "./hooks.ts";
import { type AttemptState, createJobContext, type JobContext } from "./job-context.ts";
import type { Running } from "./running-jobs.ts";

/** Between the abort of a signal and giving up on the handler. */
export const ABORT_GRACE_MS = 2_000;

export type Work<Schema extends z.ZodType> = (payload: z.output<Schema>, job: JobContext) => Promise<unknown>;

/** A handler as `lambdaHandler` gives it, of any payload. */
export interface RunnableHandler {
  readonly definition: JobDefinition;
  readonly work: (payload: never, job: JobContext) => Promise<unknown>;
}

/** What the jobs of one lease share. */
export interface LeaseRun<Schema extends z.ZodType> {
  readonly definition: JobDefinition<Schema>;
  readonly work: Work<Schema>;
  readonly holder: LeaseHolder;
  readonly heartbeat: Heartbeat;
  readonly running: Running;
}

/** What is reported of a job that completed inside a transaction, in case that was rolled back. */
export const ROLLED_BACK: AttemptError = {
  name: "RolledBack",
  message: "the transaction that completed this job was rolled back",
};

/** One attempt at one job, to its outcome, in a span of its own. Never throws. */
export const runJob = <Schema extends z.ZodType>(
  deps: Deps,
  lease: LeaseRun<Schema>,
  job: LeasedJob,
): Promise<Ended> => {
  const state: AttemptState = { over: false, completedIn: false };
  const run = (traceparent: string | null) =>
    attempt(deps, lease, traceparent === job.traceparent ? job : { ...job, traceparent }, state);
  const ending = deps.tracing === undefined ? run(job.traceparent) : deps.tracing.process(job, run);
  // Completed inside the handler's transaction: if that committed, the first outcome stands whatever is said now; if it
  // was rolled back, this one is taken.
  return ending.then((end) =>
    state.completedIn && end.outcome === "completed" ? { id: job.id, outcome: "retry", error: ROLLED_BACK } : end,
  );
};

const attempt = async <Schema extends z.ZodType>(
  deps: Deps,
  lease: LeaseRun<Schema>,
  job: LeasedJob,
  state: AttemptState,
): Promise<Ended> => {
  const { definition, work, holder, heartbeat, running } = lease;
  const payload = parsePayload(definition, job);
  if ("end" in payload) {
    tellFailure(deps.logger, job, payload.end, payload.end.error);
    return payload.end;
  }

  const controller = new AbortController();
  const ran = Promise.withResolvers<unknown>();
  let aborted: AbortCause | null = null;
  let cancelGrace: (() => void) | undefined;
  const abort = (cause: AbortCause, message: string) => {
    // The lease of a job that completed inside a transaction has ended with its commit: nothing was lost.
    if (aborted !== null || (state.completedIn && cause === "lease_lost")) return;
    aborted = cause;
    const reason = new JobAborted(cause, message);
    controller.abort(reason);
    cancelGrace = deps.time.after(ABORT_GRACE_MS, () => ran.reject(reason));
  };
  const startedAtMs = deps.time.elapsedMs();
  const place = running.add({ id: job.id, startedAtMs, abort, fail: ran.reject });
  const context = createJobContext(deps, { job, holder, signal: controller.signal, heartbeat, state });

  let end: Ended;
  try {
    const working = inAttempt({ jobId: job.id, leaseId: holder.leaseId }, () =>
      runAround(job.type, context, () => work(payload.parsed, context)),
    );
    Promise.resolve(working).then(ran.resolve, ran.reject);
    const { result, refused } = toResult(await ran.promise);
    if (refused !== undefined) context.log.warn("the result was not kept", { reason: refused });
    end = { id: job.id, outcome: "completed", result };
  } catch (thrown) {
    end = endOfThrown(job.id, thrown, aborted);
    tellFailure(deps.logger, job, end, thrown);
  } finally {
    state.over = true;
    cancelGrace?.();
    running.delete(place);
  }
  deps.metrics.observe("JobRun", deps.time.elapsedMs() - startedAtMs, { queue: job.queue, type: job.type });
  return end;
};

/** The payload as the type's schema has it now. One that no longer fits is buried; a schema that throws is a handler's bug: retry. */
const parsePayload = <Schema extends z.ZodType>(
  definition: JobDefinition<Schema>,
  job: LeasedJob,
): { readonly parsed: z.output<Schema> } | { readonly end: Ended } => {
  try {
    const parsed = definition.payload.safeParse(job.payload);
    if (parsed.success) return { parsed: parsed.data };
    const message = parsed.error.issues.map((issue) => `/${issue.path.join("/")}: ${issue.message}`).join("; ");
    const error = toAttemptError(Object.assign(new Error(message), { name: "InvalidPayload", stack: undefined }));
    return { end: { id: job.id, outcome: "dead", error } };
  } catch (thrown) {
    return { end: { id: job.id, outcome: "retry", error: toAttemptError(thrown) } };
  }
};
