import { reasonFault } from "../../core/controls.ts";
import { ForgeqError } from "../../core/errors.ts";
import type { Sql } from "../../db/drivers/client.ts";
import { getJobIn } from "../../db/reads/job.ts";
import { cancelIn, type Job, reviveIn } from "../../db/reads/jobs.ts";
import { refusalOf } from "./retry-job.ts";

const TRIES = 10;
const FIRST_PAUSE_MS = 5;

const illegal = (what: string, { state, life }: Job): ForgeqError =>
  new ForgeqError("illegal_state", `the job can't be ${what}: it is ${state}`, { state, life });

const found = async (tx: Sql, id: string, at: Date | null): Promise<Job> => {
  const job = await getJobIn(tx, id, at);
  if (job === null) throw new ForgeqError("not_found", `there is no job ${id}`);
  return job;
};

/**
 * Cancels a job inside a caller's transaction: rolled back, nothing has happened.
 *
 * @param reason - why, which the cancelled job shows as its error: 1 to 500 characters without control characters
 * @returns `requested` where a handler has the job: it is told with the commit
 * @throws {ForgeqError} `invalid_job` of the reason; `not_found`, `illegal_state`; `busy` - claims and settles held it: the transaction goes on, and nothing was changed
 */
export const cancelJobIn = async (
  tx: Sql,
  id: string,
  at: Date | null,
  reason: string | null = null,
): Promise<"cancelled" | "requested"> => {
  const fault = reason === null ? null : typeof reason === "string" ? reasonFault(reason) : "must be a text";
  if (fault !== null)
    throw new ForgeqError("invalid_job", `reason ${fault}`, { errors: [{ pointer: "/reason", message: fault }] });
  for (let tried = 1; tried <= TRIES; tried += 1) {
    const { outcome } = await cancelIn(tx, id, at, reason);
    if (outcome === "cancelled" || outcome === "requested") return outcome;
    if (outcome !== "busy") throw illegal("cancelled", await found(tx, id, at));
    await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * tried));
  }
  throw new ForgeqError("busy", "the job is changing hands; try again", { retryAfterSeconds: 1 });
};

/**
 * Gives a finished job its next life inside a caller's transaction.
 *
 * @param life - the life that the caller saw; the newest unless given
 * @returns the job in its new life
 * @throws {ForgeqError} `not_found`, `illegal_state`; `stale_life`, `unique_key_conflict`, `payload_gone`, `unknown_queue` as a retry elsewhere: the
 *   transaction goes on, and nothing was changed
 */
export const retryJobIn = async (tx: Sql, id: string, life: number | undefined, at: Date | null): Promise<Job> => {
  const seen = await found(tx, id, at);
  if (life !== undefined && life === seen.life - 1) return seen;
  if (life === undefined || life === seen.life) {
    if (seen.finishedAt === null) throw illegal("retried", seen);
  }
  const { outcome, holderId } = await reviveIn(tx, id, life ?? seen.life, at);
  const refusal = refusalOf(outcome, holderId, seen, life ?? seen.life);
  if (refusal !== null) throw refusal;
  const now = await found(tx, id, at);
  if (outcome === "live") throw illegal("retried", now);
  return now;
};
