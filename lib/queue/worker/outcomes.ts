import { type Ended, type SettledState, stateOf } from "../../db/protocol/settle.ts";
import type { SettledAndTaken } from "../../db/protocol/take.ts";
import type { Deps } from "../deps.ts";
import { noteSettled } from "../run/record-outcome.ts";
import type { WorkerLeases } from "./leases.ts";
import type { Settles } from "../run/settling.ts";

/** What became of outcomes that a statement carried. */
export interface Outcomes {
  /** Jobs by the state they were settled in. */
  readonly settled: ReadonlyMap<SettledState, number>;
  /** @returns the queues of what was settled */
  note(settles: Settles, found: SettledAndTaken): ReadonlySet<string>;
  /** What could not be written: the leases expire, and their jobs are recovered. */
  forget(settles: Settles, error: unknown): void;
}

/**
 * @param on.held - outcomes of a lease that a handler's own transaction holds: nothing was written
 * @param on.failed - some could not be written
 */
export const createOutcomes = (
  deps: Deps,
  leases: WorkerLeases,
  on: { readonly held: (leaseId: string, ended: readonly Ended[]) => void; readonly failed: () => void },
): Outcomes => {
  const settled = new Map<SettledState, number>();
  return {
    settled,
    note: (settles, found) => {
      const freed = new Set<string>();
      for (const { leaseId, ended } of settles) {
        const queue = leases.queueOf(leaseId);
        freed.add(queue);
        const jobs = leases.jobsOf(leaseId);
        const states = found.settled[leaseId];
        const held: Ended[] = [];
        for (const one of ended) {
          const state = stateOf(states, one.id);
          if (state === "busy") {
            held.push(one);
            continue;
          }
          settled.set(state, (settled.get(state) ?? 0) + 1);
          noteSettled(deps, leaseId, jobs.get(one.id), one, state);
        }
        leases.settled(leaseId, ended.length - held.length);
        if (held.length > 0) on.held(leaseId, held);
      }
      return freed;
    },
    forget: (settles, error) => {
      for (const { leaseId, ended } of settles) leases.settled(leaseId, ended.length);
      const jobs = settles.reduce((sum, { ended }) => sum + ended.length, 0);
      if (jobs > 0) on.failed();
      deps.logger.error("a statement failed for good: the leases of its jobs expire", {
        jobs,
        reason: error instanceof Error ? error.message : String(error),
      });
    },
  };
};
