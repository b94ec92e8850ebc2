import { DEFAULTS } from "../../core/job.ts";
import { uuidV7 } from "../../core/uuid.ts";
import { claim } from "../../db/protocol/leases.ts";
import { mapConcurrently } from "../concurrency.ts";
import type { Deps } from "../deps.ts";
import { createBlockList, sendLease } from "../invoke/send-lease.ts";

const CLAIM_JOBS = 500;
const SWEEP_EVERY_MS = 5_000;
const INVOKES_AT_ONCE = 16;
const QUEUES_AT_ONCE = 4;

export interface ScanResult {
  readonly jobs: number;
  readonly leases: number;
  readonly refused: number;
  /** Another scan may find jobs at once: a claim was cut off, or somebody else was claiming. */
  readonly more: boolean;
  /** Queues where something was claimed, or would have been but for a limit or another claimer. */
  readonly hot: readonly string[];
  /** Queues that somebody else was claiming from: what they hold was not seen. */
  readonly busy: readonly string[];
  /** Queues of which a part was seen, because of the block list; the next scan goes on from there. */
  readonly cutOff: readonly string[];
}

interface Position {
  readonly watermarks: readonly string[] | null;
  readonly sweptAtMs: number;
  readonly cutOff: boolean;
}

const UNSEEN: Position = { watermarks: null, sweptAtMs: -Infinity, cutOff: false };

/**
 * One dispatcher's view of the queues: where its scans of each stand, and which types can't be invoked now.
 * Scans go on from a watermark; every 5 s, at the first visit of a queue and when a type is unblocked they begin anew.
 */
export const createScanner = (deps: Deps) => {
  const nowMs = deps.time.elapsedMs;
  const positions = new Map<string, Position>();
  const blockList = createBlockList(nowMs, deps.random);

  const scanQueue = async (queue: string, sweep: boolean, blockedTypes: readonly string[]): Promise<ScanResult> => {
    const position = positions.get(queue) ?? UNSEEN;
    // A sweep that was cut off goes on to its end, or it would never get there.
    const fromStart = sweep || (!position.cutOff && nowMs() - position.sweptAtMs >= SWEEP_EVERY_MS);
    const claimed = await claim(deps.db, {
      queue,
      claimId: uuidV7(),
      maxJobs: CLAIM_JOBS,
      watermarks: fromStart ? null : position.watermarks,
      blockedTypes,
      dispatchSeconds: DEFAULTS.dispatchSeconds,
      at: deps.clock(),
    });
    const cutOff = claimed.outcome === "empty" && claimed.more;
    if (claimed.outcome === "claimed" || claimed.outcome === "empty") {
      const sweptAtMs = fromStart ? nowMs() : position.sweptAtMs;
      positions.set(queue, { watermarks: claimed.watermarks, sweptAtMs, cutOff });
    } else if (fromStart) {
      // The sweep is still to be made.
      positions.set(queue, UNSEEN);
    }
    const sent = await mapConcurrently(claimed.leases, INVOKES_AT_ONCE, (lease) => sendLease(deps, lease, blockList));
    const jobs = claimed.leases.reduce((sum, lease) => sum + lease.jobs, 0);
    const refused = sent.filter(({ outcome }) => outcome !== "accepted").length;
    if (jobs > 0) deps.metrics.count("JobsLeased", jobs, { queue });
    if (refused > 0) deps.metrics.count("InvokesRefused", refused, { queue });
    return {
      jobs,
      leases: claimed.leases.length,
      refused,
      more: claimed.more,
      hot: claimed.outcome === "empty" || claimed.outcome === "paused" ? [] : [queue],
      busy: claimed.outcome === "busy" ? [queue] : [],
      cutOff: cutOff ? [queue] : [],
    };
  };

  return {
    /** Claims once in each of the queues and sends what it got. */
    scan: async (queues: readonly string[], options: { readonly sweep: boolean }): Promise<ScanResult> => {
      const { types, lifted } = blockList.current();
      const results = await mapConcurrently(queues, QUEUES_AT_ONCE, (queue) =>
        scanQueue(queue, options.sweep || lifted, types),
      );
      const sum = (pick: (result: ScanResult) => number) => results.reduce((total, result) => total + pick(result), 0);
      return {
        jobs: sum((result) => result.jobs),
        leases: sum((result) => result.leases),
        refused: sum((result) => result.refused),
        more: results.some((result) => result.more),
        hot: results.flatMap((result) => result.hot),
        busy: results.flatMap((result) => result.busy),
        cutOff: results.flatMap((result) => result.cutOff),
      };
    },
  };
};

export type Scanner = ReturnType<typeof createScanner>;
