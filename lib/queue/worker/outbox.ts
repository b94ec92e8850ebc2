import type { Ended } from "../../db/protocol/settle.ts";
import type { Settles } from "../run/settling.ts";
import type { WorkerState } from "./worker-state.ts";

/** Outcomes that wait for a statement to carry them, by lease. It keeps the state's `outcomesWaiting`. */
export interface Outbox {
  add(leaseId: string, ended: Ended): void;
  /** Everything, or as much as one statement carries. */
  take(maxJobs: number): Settles;
}

export const createOutbox = (state: Pick<WorkerState, "outcomesWaiting">): Outbox => {
  const waiting = new Map<string, Ended[]>();
  return {
    add: (leaseId, ended) => {
      const list = waiting.get(leaseId);
      if (list === undefined) waiting.set(leaseId, [ended]);
      else list.push(ended);
      state.outcomesWaiting += 1;
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
      state.outcomesWaiting -= maxJobs - left;
      return settles;
    },
  };
};
