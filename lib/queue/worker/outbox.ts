import type { Ended } from "../../db/protocol/settle.ts";
import type { SettleAndTake } from "../../db/protocol/take.ts";

export type Settles = SettleAndTake["settles"];

/** Outcomes that wait for a statement to carry them, by lease. */
export interface Outbox {
  add(leaseId: string, ended: Ended): void;
  /** Everything, or as much as one statement carries. */
  take(maxJobs: number): Settles;
  size(): number;
}

export const createOutbox = (): Outbox => {
  const waiting = new Map<string, Ended[]>();
  let size = 0;
  return {
    add: (leaseId, ended) => {
      const list = waiting.get(leaseId);
      if (list === undefined) waiting.set(leaseId, [ended]);
      else list.push(ended);
      size += 1;
    },
    take: (maxJobs) => {
      const settles: { leaseId: string; ended: Ended[] }[] = [];
      let left = maxJobs;
      for (const [leaseId, list] of waiting) {
        if (left === 0) break;
        const ended = list.splice(0, left);
        if (list.length === 0) waiting.delete(leaseId);
        settles.push({ leaseId, ended });
        left -= ended.length;
      }
      size -= maxJobs - left;
      return settles;
    },
    size: () => size,
  };
};
