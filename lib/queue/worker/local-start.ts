import type { IdentifiedJob } from "../../core/new-job.ts";
import { enqueueAndBegin } from "../../db/protocol/enqueue.ts";
import type { EnqueuedRow } from "../../db/protocol/enqueue-wire.ts";
import type { TakenLease } from "../../db/protocol/take.ts";
import type { Deps, LocalStart } from "../deps.ts";

/** The capacity of this process's worker for jobs that the process itself enqueues. */
export interface LocalCapacity {
  /** Reserves capacity for these jobs while they are stored. @returns the queue that the worker takes them to be in; null: there is none */
  reserve(jobs: readonly IdentifiedJob[]): string | null;
  /** Once for each reservation: runs the jobs, or frees what was reserved for them where the lease is null. */
  fill(jobs: number, lease: TakenLease | null): void;
}

/**
 * Stores jobs begun, where the database finds capacity for them too, and runs them in this process.
 *
 * @param worker - what the worker begins its leases with
 */
export const createLocalStart = (
  deps: Deps,
  worker: string,
  invocation: string,
  capacity: LocalCapacity,
): LocalStart => {
  const storeAndRun = async (jobs: readonly IdentifiedJob[], queue: string): Promise<readonly EnqueuedRow[]> => {
    let lease: TakenLease | null = null;
    try {
      const stored = await enqueueAndBegin(deps.db, jobs, { queue, worker, invocation, at: deps.clock() });
      lease = stored.lease;
      return stored.rows;
    } finally {
      capacity.fill(jobs.length, lease);
    }
  };
  return {
    store: (jobs) => {
      const queue = capacity.reserve(jobs);
      return queue === null ? null : storeAndRun(jobs, queue);
    },
  };
};
