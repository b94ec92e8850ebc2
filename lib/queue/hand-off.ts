import { enqueueAndBegin, type EnqueuedRow, type EnqueueItem } from "../db/enqueue.ts";
import type { TakenLease } from "../db/take.ts";
import type { Deps } from "./deps.ts";

/** A call that stores more waits for a claim, which makes batches of them. */
export const HANDED_JOBS = 10;

/** Room that a worker of this process keeps for jobs while they are stored. */
export interface Room {
  /** Where the worker takes them to be. */
  readonly queue: string;
  /** What it begins its leases with. */
  readonly worker: string;
  readonly invocation: string;
  /** Once: runs their lease's jobs, or gives the room back. */
  readonly fill: (lease: TakenLease | null) => void;
}

/** Gives jobs to a worker of the process that stores them, which can run them at once. */
export interface HandOff {
  /** Null: it has none, others come first, or it does not run such jobs. */
  roomFor(items: readonly EnqueueItem[]): Room | null;
}

/** Stores jobs begun, where the database finds room for them too, and runs them here. */
export const storeAndRun = async (
  deps: Deps,
  items: readonly EnqueueItem[],
  room: Room,
): Promise<readonly EnqueuedRow[]> => {
  let lease: TakenLease | null = null;
  try {
    const { queue, worker, invocation } = room;
    const stored = await enqueueAndBegin(deps.db, items, { queue, worker, invocation, at: deps.clock() });
    lease = stored.lease;
    return stored.rows;
  } finally {
    room.fill(lease);
  }
};
