import { ForgeqError } from "../../core/errors.ts";
import type { JobState } from "../../core/states.ts";
import { getJob } from "../../db/reads/job.ts";
import { type Job, revive, type RetryRow } from "../../db/reads/jobs.ts";
import { armNextMinute } from "../wake/arm.ts";
import type { Deps } from "../deps.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

const staleLife = (named: number, { life, state }: Job): ForgeqError =>
  new ForgeqError("stale_life", `the newest life of this job is ${life}: a retry of life ${named} changes nothing`, {
    life,
    state,
  });

/** Why a job was not retried; null where it was, or where it lives. */
export const refusalOf = (
  outcome: RetryRow["outcome"],
  holderId: string | null,
  seen: Job,
  life: number,
): ForgeqError | null => {
  if (outcome === "unique_key")
    return new ForgeqError("unique_key_conflict", "another live job holds this job's unique key", { holderId });
  if (outcome === "queue_gone")
    return new ForgeqError("unknown_queue", `the job's queue ${seen.queue} is gone: declare it, then retry the job`);
  if (outcome === "payload_gone") return new ForgeqError("payload_gone", "this job's payload was not kept");
  return outcome === "stale" ? staleLife(life, seen) : null;
};

/**
 * A finished job lives again: same id, attempts from zero, due now; its history stays.
 *
 * @param life - the life that the caller saw, so that a retry that is sent again does not run the job again: it gives the job as it is; the newest
 *   one unless given
 * @param payload - of the new life, checked already; the old one's unless given
 * @param by - who retries it, for whoever looks at the life that ended
 * @returns the job in its new life, or `illegal` with the state of a job that has not ended
 * @throws {ForgeqError} `stale_life` - `life` is not the newest one; `unique_key_conflict` - another live job holds its key;
 *   `payload_gone` - its queue kept no payload; `unknown_queue` - its queue was deleted. Nothing was changed then.
 */
export const retryJob = async (
  deps: Deps,
  id: string,
  { life, payload, by }: { readonly life?: number | undefined; readonly payload?: unknown; readonly by?: string } = {},
): Promise<Job | "not_found" | { readonly illegal: JobState }> => {
  const seen = await getJob(deps.db, id, deps.clock());
  if (seen === null) return "not_found";
  // The next life is there: somebody has retried this one.
  if (life !== undefined && life === seen.life - 1) return seen;
  if (life !== undefined && life !== seen.life) throw staleLife(life, seen);
  if (seen.finishedAt === null) return { illegal: seen.state };

  await armNextMinute(deps);
  const { outcome, holderId } = await revive(deps.db, id, seen.life, deps.clock(), { payload, by: by ?? null });
  if (outcome === "not_found") return "not_found";
  const refusal = outcome === "stale" ? null : refusalOf(outcome, holderId, seen, seen.life);
  if (refusal !== null) throw refusal;
  if (outcome === "retried") await wakeDispatcher(deps, 0, seen.queue);
  const now = await getJob(deps.db, id, deps.clock());
  if (now === null) return "not_found";
  if (outcome === "stale") throw staleLife(seen.life, now);
  return outcome === "retried" ? now : { illegal: now.state };
};
