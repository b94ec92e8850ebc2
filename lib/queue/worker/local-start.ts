import type { EnqueuedRow, EnqueueItem } from "../../db/protocol/enqueue.ts";
import { enqueueAndBegin } from "../../db/protocol/enqueue-and-begin.ts";
import type { TakenLease } from "../../db/protocol/take.ts";
import type { Deps, HandOff } from "../deps.ts";

/** What a worker has room for. */
export interface Rooms {
  /** Keeps room for these jobs while they are stored. @returns the queue that the worker takes them to be in; null: it has no room */
  keep(items: readonly EnqueueItem[]): string | null;
  /** Once: runs the jobs that the room was kept for, or gives it back. */
  fill(jobs: number, lease: TakenLease | null): void;
}

/**
 * Stores jobs begun, where the database finds room for them too, and runs them in this process.
 *
 * @param worker - what the worker begins its leases with
 */
export const createHandOff = (deps: Deps, worker: string, invocation: string, rooms: Rooms): HandOff => {
  const storeAndRun = async (items: readonly EnqueueItem[], queue: string): Promise<readonly EnqueuedRow[]> => {
    let lease: TakenLease | null = null;
    try {
      const stored = await enqueueAndBegin(deps.db, items, { queue, worker, invocation, at: deps.clock() });
      lease = stored.lease;
      return stored.rows;
    } finally {
      rooms.fill(items.length, lease);
    }
  };
  return {
    store: (items) => {
      const queue = rooms.keep(items);
      return queue === null ? null : storeAndRun(items, queue);
    },
  };
};
