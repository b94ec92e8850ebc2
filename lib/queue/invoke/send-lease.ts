import { type ClaimedLease, releaseUnbegun } from "../../db/protocol/leases.ts";
import type { WakeSeconds } from "../../db/protocol/settle.ts";
import type { Deps, InvokeOutcome } from "../deps.ts";
import { invokeAgain } from "../wake/invoke-again.ts";
import { reasonOf } from "../../core/reason.ts";

const LONGEST_BLOCK_SECONDS = 30;

/** Types whose function takes no invokes right now, with a delay that doubles while that goes on. In memory of one dispatcher. */
export interface BlockList {
  /** The blocked types. A type whose time is up leaves the list, and `lifted` is set once. */
  current(): { readonly types: readonly string[]; readonly lifted: boolean };
  /** Blocks a type, longer each time, and returns for how many seconds. */
  block(type: string): number;
  clear(type: string): void;
}

export const createBlockList = (nowMs: () => number, random: () => number): BlockList => {
  const blocked = new Map<string, { untilMs: number; times: number; active: boolean }>();
  return {
    current: () => {
      let lifted = false;
      for (const entry of blocked.values()) {
        if (entry.active && entry.untilMs <= nowMs()) {
          entry.active = false;
          lifted = true;
        }
      }
      return { types: [...blocked].filter(([, entry]) => entry.active).map(([type]) => type), lifted };
    },
    block: (type) => {
      const before = blocked.get(type);
      if (before?.active) return Math.max(0.1, (before.untilMs - nowMs()) / 1000);
      const times = (before?.times ?? 0) + 1;
      const seconds = Math.min(LONGEST_BLOCK_SECONDS, 2 ** (times - 1)) * (0.75 + random() / 2);
      blocked.set(type, { untilMs: nowMs() + seconds * 1000, times, active: true });
      return seconds;
    },
    clear: (type) => {
      if (blocked.get(type)?.active === false) blocked.delete(type);
    },
  };
};

export interface Sent {
  readonly outcome: InvokeOutcome;
  /** When the lease was given back: in how many seconds a dispatcher should scan again. */
  readonly wakeSeconds: WakeSeconds;
}

/**
 * Invokes a lease's handler. A refused invoke gives the lease back immediately, which costs its jobs a dispatch unless the
 * platform only had no capacity; one that was sent twice and is still ambiguous is left to the lease's expiry, because the handler may be running.
 */
export const sendLease = async (deps: Deps, lease: ClaimedLease, blockList: BlockList): Promise<Sent> => {
  const answer = await invokeAgain(deps, deps.config.handlerFunction(lease.type), { lease_id: lease.id });
  if (answer.outcome === "accepted") blockList.clear(lease.type);
  if (answer.outcome === "accepted" || answer.outcome === "ambiguous")
    return { outcome: answer.outcome, wakeSeconds: null };

  const delaySeconds = blockList.block(lease.type);
  const noRoom = answer.outcome === "throttled" || answer.outcome === "failed";
  deps.logger.warn("an invoke was refused", {
    type: lease.type,
    outcome: answer.outcome,
    reason: answer.message,
    delaySeconds,
  });
  const wakeSeconds = await giveBack(deps, lease, {
    leaseId: lease.id,
    reason: noRoom ? "throttled" : "undispatched",
    error: { name: "InvokeRefused", message: answer.message ?? answer.outcome },
    delaySeconds: noRoom ? delaySeconds : null,
    at: deps.clock(),
  });
  return { outcome: answer.outcome, wakeSeconds };
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
