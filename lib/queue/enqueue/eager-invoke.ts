import { DEFAULTS } from "../../core/job.ts";
import type { IdentifiedJob } from "../../core/new-job.ts";
import { enqueueAndClaim } from "../../db/protocol/enqueue.ts";
import type { EnqueuedRow } from "../../db/protocol/enqueue-wire.ts";
import type { ClaimedLease } from "../../db/protocol/leases.ts";
import type { Deps } from "../deps.ts";
import { sendLease } from "../invoke/send-lease.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

/**
 * Stores jobs and, where their queue has capacity, invokes their handlers: no dispatcher has to. A refused invoke gives its lease back and wakes
 * one; a process that ends before it has invoked leaves its lease to expiry, as a dispatcher would.
 *
 * @returns `sent` never rejects
 */
export const storeEagerly = async (
  deps: Deps,
  items: readonly IdentifiedJob[],
  fresh: boolean,
): Promise<{ readonly rows: readonly EnqueuedRow[]; readonly sent: Promise<unknown> }> => {
  const { rows, leases } = await enqueueAndClaim(deps.db, items, {
    fresh,
    dispatchSeconds: DEFAULTS.dispatchSeconds,
    at: deps.clock(),
    owner: deps.config.owner ?? null,
  });
  // None when the call was sent again: the first one took them.
  const queue = rows.find(({ taken }) => taken !== null)?.queue ?? undefined;
  const dimensions = queue === undefined ? {} : { queue };
  const send = async (lease: ClaimedLease): Promise<void> => {
    deps.metrics.count("JobsLeased", lease.jobs, dimensions);
    try {
      const { outcome, wakeSeconds } = await sendLease(deps, lease);
      if (outcome !== "accepted") deps.metrics.count("InvokesRefused", 1, dimensions);
      await wakeDispatcher(deps, wakeSeconds, queue);
    } catch (error) {
      deps.logger.warn("a lease could not be sent; it expires", { lease: lease.id, reason: String(error) });
    }
  };
  return { rows, sent: Promise.all(leases.map(send)) };
};
