import type { LeasedJob } from "../../db/protocol/leased-job.ts";
import type { Ended, SettledState } from "../../db/protocol/settle.ts";
import type { Deps } from "../deps.ts";
import { jobFields } from "./log-fields.ts";
import { ROLLED_BACK } from "./run-job.ts";

/** Counts the jobs of a lease that begins, and how long each was due by then. */
export const noteBegun = (deps: Deps, jobs: readonly LeasedJob[]): void => {
  const [first] = jobs;
  if (first === undefined) return;
  const dimensions = { queue: first.queue, type: first.type };
  deps.metrics.count("JobsStarted", jobs.length, dimensions);
  deps.metrics.observe("LeaseJobs", jobs.length, dimensions);
  for (const { waitedMs } of jobs) if (waitedMs !== null) deps.metrics.observe("JobWait", waitedMs, dimensions);
};

/** By what was said of the attempt, where the job lives on; by its state, where it ended. */
const METRIC = {
  completed: "JobsCompleted",
  dead: "JobsDead",
  cancelled: "JobsCancelled",
  retry: "JobsRetried",
  timed_out: "JobsRetried",
  worker_crashed: "JobsRetried",
  released: "JobsReleased",
  snoozed: "JobsReleased",
} as const;

/**
 * One line and one count for what the database answered to an outcome. Refused, another attempt's counts. The line has the
 * error's name and not its message, which may quote the payload.
 *
 * @param job - undefined when the lease is held no more
 */
export const noteSettled = (
  deps: Deps,
  leaseId: string,
  job: LeasedJob | undefined,
  ended: Ended,
  state: SettledState,
): void => {
  const fields = job === undefined ? { job: ended.id, lease: leaseId } : jobFields(job, leaseId);
  if (state === "lease_lost") {
    deps.logger.warn("an outcome was refused: the lease is lost", { ...fields, code: "lease_lost" });
    return;
  }
  const finished = state === "completed" || state === "dead" || state === "cancelled";
  const metric = METRIC[finished ? state : ended.outcome];
  deps.metrics.count(metric, 1, job === undefined ? {} : { queue: job.queue, type: job.type });
  // What is said of a job that has completed inside its handler's transaction counts only where that was rolled back.
  const outcome = state === "completed" ? state : ended.outcome;
  const error = outcome === "completed" && ended.error === ROLLED_BACK ? undefined : ended.error?.name;
  const line = { ...fields, outcome, state, ...(error !== undefined && { error }) };
  if (state === "dead") deps.logger.error("a job is dead", line);
  else if (metric === "JobsRetried") deps.logger.warn("an attempt failed", line);
  else if (state === "completed") deps.logger.debug("an attempt ended", line);
  else deps.logger.info("an attempt ended", line);
};
