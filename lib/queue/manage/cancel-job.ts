import { ForgeqError } from "../../core/errors.ts";
import type { JobState } from "../../core/states.ts";
import { cancel } from "../../db/reads/jobs.ts";
import type { Deps } from "../deps.ts";

const TRIES = 20;

/**
 * Cancels a job: immediately when nothing holds it, by a request that its handler sees within a heartbeat when a lease does.
 *
 * @param reason - why, which the cancelled job shows as its error; a text that `reasonFault` of lib/core/controls.ts finds nothing wrong with
 * @returns `"requested"` when a lease holds it; whatever ends that attempt then, but a completion, ends the job cancelled
 * @throws {ForgeqError} `busy` - claims and settles held it for about two seconds; nothing was changed
 */
export const cancelJob = async (
  deps: Deps,
  id: string,
  reason: string | null = null,
): Promise<"cancelled" | "requested" | "not_found" | { readonly finished: JobState }> => {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const { outcome, state } = await cancel(deps.db, id, deps.clock(), reason);
    if (outcome === "finished") return { finished: state ?? "completed" };
    if (outcome !== "busy") return outcome;
    await deps.sleep(0.01 * (tried + 1) * (0.5 + deps.random()));
  }
  throw new ForgeqError("busy", "the job is changing hands; try again", { retryAfterSeconds: 1 });
};
