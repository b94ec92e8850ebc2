import { ForgeqError } from "../../core/errors.ts";
import { checkedRunAt } from "../../core/job-time.ts";
import type { JobState } from "../../core/states.ts";
import { type Reschedule, rescheduleMany } from "../../db/protocol/many-jobs.ts";
import { armNextMinute } from "../wake/arm.ts";
import type { Deps } from "../deps.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

export type { Reschedule } from "../../db/protocol/many-jobs.ts";

const TRIES = 20;

/**
 * Moves a job that waits to another instant, or to another priority. A past instant is now. Sent again it changes nothing.
 *
 * @throws {ForgeqError} `busy` - claims held it for about two seconds; `invalid_job` - the instant is more than ten years ahead. Nothing was changed.
 */
export const rescheduleJob = async (
  deps: Deps,
  id: string,
  to: Reschedule,
): Promise<"rescheduled" | "not_found" | { readonly illegal: JobState }> => {
  checkedRunAt(to, 0);
  await armNextMinute(deps);
  for (let tried = 0; tried < TRIES; tried += 1) {
    const [row] = await rescheduleMany(deps.db, [{ id, life: null }], to, deps.clock());
    if (row === undefined || row.outcome === "not_found") return "not_found";
    if (row.outcome === "rescheduled") {
      await wakeDispatcher(deps, Math.max(0, row.dueSeconds ?? 0), row.queue ?? undefined);
      return "rescheduled";
    }
    if (row.state !== null) return { illegal: row.state };
    await deps.sleep(0.01 * (tried + 1) * (0.5 + deps.random()));
  }
  throw new ForgeqError("busy", "the job is changing hands; try again", { retryAfterSeconds: 1 });
};
