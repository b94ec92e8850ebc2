import { DEFAULTS } from "../../core/job.ts";
import type { IdentifiedJob } from "../../core/new-job.ts";
import { enqueueAndClaim } from "../../db/protocol/enqueue.ts";
import type { EnqueuedRow } from "../../db/protocol/enqueue-wire.ts";
import type { ClaimedLease } from "../../db/protocol/leases.ts";
import type { Deps, Invoker } from "../deps.ts";
import { type BlockList, createBlockList, sendLease } from "../invoke/send-lease.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

/** Of the types that this process could not invoke lately. */
const blockLists = new WeakMap<Invoker, BlockList>();

const blockListOf = ({ invoker, time, random }: Deps): BlockList => {
  const made = blockLists.get(invoker) ?? createBlockList(time.elapsedMs, random);
  blockLists.set(invoker, made);
  return made;
};

/** May whoever stores these jobs invoke their handlers? The database decides whether there is capacity. */
export const wantsEagerInvoke = (deps: Deps, items: readonly IdentifiedJob[]): boolean => {
  if (
    deps.config.eager !== true ||
    deps.config.dispatcherFunction === null ||
    items.length > DEFAULTS.maxDirectStartJobs
  )
    return false;
  const blocked = blockListOf(deps).current().types;
  return items.some(
    (item) => item.runAt === undefined && item.delaySeconds === undefined && !blocked.includes(item.type),
  );
};

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
  const blockList = blockListOf(deps);
  const { rows, leases } = await enqueueAndClaim(deps.db, items, {
    fresh,
    blockedTypes: blockList.current().types,
    dispatchSeconds: DEFAULTS.dispatchSeconds,
    at: deps.clock(),
  });
  // None when the call was sent again: the first one took them.
  const queue = rows.find(({ taken }) => taken !== null)?.queue ?? undefined;
  const dimensions = queue === undefined ? {} : { queue };
  const send = async (lease: ClaimedLease): Promise<void> => {
    deps.metrics.count("JobsLeased", lease.jobs, dimensions);
    try {
      const { outcome, wakeSeconds } = await sendLease(deps, lease, blockList);
      if (outcome !== "accepted") deps.metrics.count("InvokesRefused", 1, dimensions);
      await wakeDispatcher(deps, wakeSeconds, queue);
    } catch (error) {
      deps.logger.warn("a lease could not be sent; it expires", { lease: lease.id, reason: String(error) });
    }
  };
  return { rows, sent: Promise.all(leases.map(send)) };
};
