import type * as z from "zod";
import { uuidV7 } from "../core/uuid.ts";
import type { JobDefinition } from "../core/job.ts";
import { beginLease, type Ended, type LeasedJob, type LeaseHolder } from "../db/leases.ts";
import { type AbortCause, endOfThrown, JobAborted, toAttemptError, toResult } from "./attempt.ts";
import { mapConcurrently } from "./concurrency.ts";
import type { Deps } from "./deps.ts";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";
import { createJobContext, type JobContext } from "./job-context.ts";
import { createSettler } from "./settler.ts";

/** Between the abort of a signal and giving up on the handler. */
const ABORT_GRACE_MS = 2_000;
/** Kept for settling before the invocation's own time-out: a tenth of it, at most 5 s. */
const SETTLE_RESERVE_MS = 5_000;

export type Work<Schema extends z.ZodType> = (payload: z.output<Schema>, job: JobContext) => Promise<unknown>;

export interface LeaseInput {
  readonly leaseId: string;
  /** The platform's request id. */
  readonly invocation: string | null;
  readonly remainingMs: () => number;
}

export interface LeaseReport {
  readonly outcome: "ran" | "lease_lost";
  readonly jobs: number;
  /** Jobs by the state they were settled in. */
  readonly settled: Readonly<Record<string, number>>;
}

interface Running {
  readonly abort: (cause: AbortCause, message: string) => void;
}

/**
 * Runs the jobs of one lease: begin, the handler with heartbeats, settle. A lease begins once, so a duplicated or late event
 * runs nothing. Before the invocation's time is up it aborts the signals, settles what it started as timed out and releases the rest.
 *
 * @throws when outcomes could not be written until the end: the lease then expires and its jobs are recovered
 */
export const runLease = async <Schema extends z.ZodType>(
  deps: Deps,
  definition: JobDefinition<Schema>,
  work: Work<Schema>,
  input: LeaseInput,
): Promise<LeaseReport> => {
  const holder: LeaseHolder = { leaseId: input.leaseId, begunBy: uuidV7() };
  const jobs = await beginLease(deps.db, {
    ...holder,
    leaseSeconds: definition.leaseSeconds,
    invocation: input.invocation,
    at: deps.clock(),
  });
  if (jobs === "lease_lost") {
    deps.logger.info("a lease was not begun: it has begun before, or expired", { lease: input.leaseId });
    deps.metrics.count("LeasesLost", 1);
    return { outcome: "lease_lost", jobs: 0, settled: {} };
  }

  const budgetMs = input.remainingMs();
  const reserveMs = Math.min(SETTLE_RESERVE_MS, budgetMs / 10);
  const running = new Map<string, Running>();
  let ended: AbortCause | null = null;
  const abortAll = (cause: AbortCause, message: string) => {
    ended = cause;
    for (const job of running.values()) job.abort(cause, message);
  };
  const settler = createSettler(
    deps,
    holder,
    jobs[0]?.queue ?? definition.queue,
    () => ended === "lease_lost" || input.remainingMs() < reserveMs / 2,
  );
  const heartbeat = startHeartbeat(
    deps,
    holder,
    definition.leaseSeconds,
    (ids) => ids.forEach((id) => running.get(id)?.abort("cancelled", "the job was cancelled")),
    () => abortAll("lease_lost", "the lease was lost"),
  );
  const cancelDeadline = deps.time.after(Math.max(0, budgetMs - reserveMs - ABORT_GRACE_MS), () =>
    abortAll("deadline", "the invocation's time is up"),
  );
  try {
    await mapConcurrently(jobs, definition.concurrency, async (job) => {
      if (ended === "lease_lost") return;
      if (ended !== null) return settler.add({ id: job.id, outcome: "released" });
      const end = await runJob(deps, definition, work, job, holder, heartbeat, running);
      // The lease may be lost while the handler ran: what it says now would be refused.
      if ((ended as AbortCause | null) !== "lease_lost") settler.add(end);
    });
    await settler.finish();
  } finally {
    cancelDeadline();
    heartbeat.stop();
  }
  const settled = Object.groupBy(settler.states.values(), (state) => state);
  return {
    outcome: "ran",
    jobs: jobs.length,
    settled: Object.fromEntries(Object.entries(settled).map(([state, list]) => [state, list.length])),
  };
};

/** One attempt, to its outcome; never throws. */
const runJob = async <Schema extends z.ZodType>(
  deps: Deps,
  definition: JobDefinition<Schema>,
  work: Work<Schema>,
  job: LeasedJob,
  holder: LeaseHolder,
  heartbeat: Heartbeat,
  running: Map<string, Running>,
): Promise<Ended> => {
  const parsed = definition.payload.safeParse(job.payload);
  if (!parsed.success) {
    const message = parsed.error.issues.map((issue) => `/${issue.path.join("/")}: ${issue.message}`).join("; ");
    return {
      id: job.id,
      outcome: "dead",
      error: toAttemptError(Object.assign(new Error(message), { name: "InvalidPayload", stack: undefined })),
    };
  }

  const controller = new AbortController();
  let aborted: AbortCause | null = null;
  let completedIn = false;
  const gaveUp = Promise.withResolvers<never>();
  // Nobody may be listening when it rejects.
  gaveUp.promise.catch(() => undefined);
  let cancelGrace: (() => void) | undefined;
  const abort = (cause: AbortCause, message: string) => {
    if (aborted !== null) return;
    aborted = cause;
    const reason = new JobAborted(cause, message);
    controller.abort(reason);
    cancelGrace = deps.time.after(ABORT_GRACE_MS, () => gaveUp.reject(reason));
  };
  running.set(job.id, { abort });
  const cancelTimeout = deps.time.after(definition.timeoutSeconds * 1000, () =>
    abort("timed_out", `the job ran longer than ${definition.timeoutSeconds} s`),
  );
  const context = createJobContext(deps, {
    job,
    holder,
    signal: controller.signal,
    heartbeat,
    onCompletedIn: () => (completedIn = true),
  });

  const startedAtMs = deps.time.elapsedMs();
  let end: Ended;
  try {
    const returned = await Promise.race([work(parsed.data, context), gaveUp.promise]);
    const { result, refused } = toResult(returned);
    if (refused !== undefined) context.log.warn("the result was not kept", { reason: refused });
    end = { id: job.id, outcome: "completed", result };
  } catch (thrown) {
    end = endOfThrown(job.id, thrown, aborted);
  } finally {
    cancelTimeout();
    cancelGrace?.();
    running.delete(job.id);
  }
  deps.metrics.milliseconds("JobRun", deps.time.elapsedMs() - startedAtMs, { queue: job.queue });
  // Completed inside the handler's transaction: if that committed, the first outcome stands whatever is said now; if it
  // was rolled back, this one is taken.
  if (completedIn && end.outcome === "completed") {
    const error = { name: "RolledBack", message: "the transaction that completed this job was rolled back" };
    return { id: job.id, outcome: "retry", error };
  }
  return end;
};
