import { ForgeqError } from "../core/errors.ts";
import type { Ended, SettledState } from "../db/leases.ts";
import { toAttemptError } from "./attempt.ts";
import type { Deps } from "./deps.ts";

const METRIC: Record<Exclude<SettledState, "lease_lost">, string> = {
  completed: "Completed",
  dead: "Dead",
  cancelled: "Cancelled",
  scheduled: "Retried",
  pending: "Released",
};

/** Counts what the database answered to one outcome; says so when it was refused, because another attempt's counts. */
export const noteSettled = (deps: Deps, leaseId: string, queue: string, jobId: string, state: SettledState): void => {
  if (state === "lease_lost")
    deps.logger.warn("an outcome was refused: the lease is lost", { job: jobId, lease: leaseId, code: "lease_lost" });
  else deps.metrics.count(`Jobs${METRIC[state]}`, 1, { queue });
};

/** Postgres answered, and will answer the same again. */
export const isRefusal = (error: unknown): error is ForgeqError =>
  error instanceof ForgeqError && error.code === "invalid_job";

const UNSTORABLE = "OutcomeRefused";

/** What takes the place of an outcome that Postgres refuses: a retry that says why. Null when that was refused, too. */
export const refusedOutcome = (ended: Ended, refusal: ForgeqError): Ended | null =>
  ended.error?.name === UNSTORABLE
    ? null
    : { id: ended.id, outcome: "retry", error: { name: UNSTORABLE, message: toAttemptError(refusal).message } };
