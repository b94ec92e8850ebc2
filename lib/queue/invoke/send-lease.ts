import { type ClaimedLease, releaseUnbegun } from "../../db/protocol/leases.ts";
import type { WakeSeconds } from "../../db/protocol/settle.ts";
import type { Deps, InvokeOutcome } from "../deps.ts";
import { invokeAgain } from "../wake/invoke-again.ts";
import { reasonOf } from "../../core/reason.ts";

export interface Sent {
  readonly outcome: InvokeOutcome;
  /** When the lease was given back: in how many seconds its type may be tried again. */
  readonly wakeSeconds: WakeSeconds;
}

/** What will not get better by itself counts one of the jobs' dispatches; what is the platform's trouble does not. */
const COUNTS: Record<"refused" | "throttled" | "failed", "undispatched" | "throttled"> = {
  refused: "undispatched",
  throttled: "throttled",
  failed: "throttled",
};

/**
 * Invokes a lease's handler. A refused invoke gives the lease back immediately, which blocks its type: no lease of it is made but one at a time, to
 * try again. One that was sent twice and is still ambiguous is left to the lease's expiry, because the handler may be running.
 */
export const sendLease = async (deps: Deps, lease: ClaimedLease): Promise<Sent> => {
  const { outcome, message } = await invokeAgain(deps, deps.config.handlerFunction(lease.type), { lease_id: lease.id });
  if (outcome === "accepted" || outcome === "ambiguous") return { outcome, wakeSeconds: null };

  const wakeSeconds = await giveBack(deps, lease, {
    leaseId: lease.id,
    reason: COUNTS[outcome],
    error: { name: "InvokeRefused", message: message ?? outcome },
    at: deps.clock(),
  });
  deps.logger.warn("an invoke was refused", {
    type: lease.type,
    outcome,
    reason: message,
    againInSeconds: wakeSeconds,
  });
  return { outcome, wakeSeconds };
};

/** A failure here must not keep the claim's other leases from being sent: this one expires, and is recovered. */
const giveBack = async (
  deps: Deps,
  lease: ClaimedLease,
  release: Parameters<typeof releaseUnbegun>[1],
): Promise<WakeSeconds> => {
  try {
    return (await releaseUnbegun(deps.db, release)).wakeSeconds;
  } catch (error) {
    deps.logger.warn("a refused lease could not be given back", {
      lease: lease.id,
      reason: reasonOf(error),
    });
    return null;
  }
};
