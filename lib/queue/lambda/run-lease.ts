import type * as z from "zod";
import { uuidV7 } from "../../core/uuid.ts";
import type { JobDefinition } from "../../core/job.ts";
import { beginLease } from "../../db/protocol/leases.ts";
import type { LeaseHolder } from "../../db/protocol/settle.ts";
import type { AbortCause } from "../run/attempt.ts";
import { mapConcurrently } from "../concurrency.ts";
import type { Deps } from "../deps.ts";
import { hearBefore, startHeartbeat } from "../run/heartbeat.ts";
import { ABORT_GRACE_MS, runJob, type Work } from "../run/run-job.ts";
import { createRunning } from "../run/running-jobs.ts";
import { noteBegun } from "../run/record-outcome.ts";
import { createSettler } from "./settler.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

/** Kept for settling before the invocation's own time-out: a tenth of it, at most 5 s. */
const SETTLE_RESERVE_MS = 5_000;

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
  const begun = await beginLease(deps.db, {
    ...holder,
    leaseSeconds: definition.leaseSeconds,
    invocation: input.invocation,
    at: deps.clock(),
  });
  if (begun === "lease_lost") {
    deps.logger.info("a lease was not begun: it has begun before, or expired", { lease: input.leaseId });
    deps.metrics.count("LeasesLost", 1);
    return { outcome: "lease_lost", jobs: 0, settled: {} };
  }
  const { jobs } = begun;
  const queue = jobs[0]?.queue ?? definition.queue;
  noteBegun(deps, jobs);
  if (begun.freed) await wakeDispatcher(deps, 0, queue);

  const budgetMs = input.remainingMs();
  const reserveMs = Math.min(SETTLE_RESERVE_MS, budgetMs / 10);
  const running = createRunning(deps.time, definition.timeoutSeconds);
  let ended: AbortCause | null = null;
  const abortAll = (cause: AbortCause, message: string) => {
    ended = cause;
    running.abortAll(cause, message);
  };
  const settler = createSettler(
    deps,
    { holder, queue, jobs },
    () => ended === "lease_lost" || input.remainingMs() < reserveMs / 2,
  );
  const heartbeat = startHeartbeat(
    deps,
    holder,
    definition.leaseSeconds,
    (ids) => running.abort(ids, "cancelled", "the job was cancelled"),
    () => abortAll("lease_lost", "the lease was lost"),
  );
  const cancelDeadline = deps.time.after(Math.max(0, budgetMs - reserveMs - ABORT_GRACE_MS), () =>
    abortAll("deadline", "the invocation's time is up"),
  );
  try {
    const lease = { definition, work, holder, heartbeat, running };
    // What is done after the lease was lost is settled too: the database knows whether somebody took it over.
    await mapConcurrently(jobs, definition.concurrency, async (job, index) => {
      // It has waited for another one: somebody may have cancelled it meanwhile.
      if (index >= definition.concurrency && ended === null) await hearBefore(heartbeat, deps.time);
      const begins = ended === null && !running.mayNotBegin(job.id);
      settler.add(begins ? await runJob(deps, lease, job) : { id: job.id, outcome: "released" });
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
