import { setTimeout } from "node:timers/promises";
import { uuidV7 } from "../../lib/core/uuid.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import { enqueueMany } from "../../lib/db/protocol/enqueue.ts";
import { beginLease, claim } from "../../lib/db/protocol/leases.ts";
import { settle } from "../../lib/db/protocol/settle.ts";
import { payloadOf } from "../system.ts";

export const STEPS = ["claim", "begin", "settle"] as const;
export type Step = (typeof STEPS)[number];

export interface Steady {
  /** Jobs that are enqueued a second. */
  readonly perSecond: number;
  readonly ended: () => boolean;
  readonly timed: <Result>(step: Step, work: () => Promise<Result>) => Promise<Result>;
  readonly onSettled: (jobs: number) => void;
}

/** Enqueues jobs of the type `noop` at a steady rate, and has two consumers claim, begin and settle them. @returns how many were enqueued */
export const runSteadily = async (db: Db, { perSecond, ended, timed, onSettled }: Steady): Promise<number> => {
  const startedMs = performance.now();
  let enqueued = 0;
  const produce = async () => {
    while (!ended()) {
      const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond) - enqueued;
      if (due >= 100) {
        enqueued += due;
        const items = Array.from({ length: due }, (_, n) => ({ id: uuidV7(), type: "noop", payload: payloadOf(n) }));
        for (let n = 0; n < items.length; n += 1_000) await enqueueMany(db, items.slice(n, n + 1_000), true, null);
      }
      await setTimeout(20);
    }
  };
  const consume = async () => {
    let watermarks: readonly string[] | null = null;
    let sweptMs = -Infinity;
    while (!ended()) {
      const sweep = performance.now() - sweptMs > 5_000;
      if (sweep) sweptMs = performance.now();
      const input = { queue: "noop", maxJobs: 100, blockedTypes: [], dispatchSeconds: 90, at: null };
      const claimed = await timed("claim", () =>
        claim(db, { ...input, claimId: uuidV7(), watermarks: sweep ? null : watermarks }),
      );
      watermarks = claimed.watermarks;
      for (const { id: leaseId } of claimed.leases) {
        const held = { leaseId, begunBy: uuidV7() };
        const begun = await timed("begin", () =>
          beginLease(db, { ...held, leaseSeconds: 60, invocation: null, at: null }),
        );
        if (begun === "lease_lost") throw new Error("lease lost");
        const outcomes = begun.jobs.map(({ id }) => ({ id, outcome: "completed", result: null }) as const);
        await timed("settle", () => settle(db, held, outcomes, null, true));
        onSettled(outcomes.length);
      }
      if (claimed.leases.length === 0) await setTimeout(5);
    }
  };
  await Promise.all([produce(), consume(), consume()]);
  return enqueued;
};
