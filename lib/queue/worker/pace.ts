import type { WorkerOptions } from "./worker.ts";

/** Jobs that one statement takes and settles at most. Far from the database twice as many: statements at once pass over each other's jobs. */
const BATCH_JOBS = 500;
const FAR_MS = 10;
/** Statements at once: two, of which one is under way while the jobs of the other run, and one more for each 10 ms of round-trip time. */
const STATEMENTS = 2;
const MORE_PER_MS = 10;
const MOST_STATEMENTS = 8;

/** How large a worker's statements are, and how many of them go at once, by how far its database is. */
export interface Pace {
  /** A statement has spent so long on its way. */
  wasOnItsWay(ms: number): void;
  readonly batchJobs: () => number;
  readonly statementsAtOnce: () => number;
}

export const createPace = (options: Pick<WorkerOptions, "concurrency" | "batchJobs">): Pace => {
  /** The shortest time that a statement has spent on its way. */
  let roundTripMs: number | null = null;
  const batchJobs = (): number => {
    const most = (roundTripMs ?? 0) < FAR_MS ? BATCH_JOBS : BATCH_JOBS * 2;
    return Math.min(options.batchJobs ?? most, options.concurrency, 1_000);
  };
  return {
    wasOnItsWay: (ms) => {
      roundTripMs = Math.min(roundTripMs ?? Infinity, Math.max(0, ms));
    },
    batchJobs,
    statementsAtOnce: () => {
      const more = Math.floor((roundTripMs ?? 0) / MORE_PER_MS);
      const held = Math.max(1, Math.floor(options.concurrency / batchJobs()));
      return Math.min(STATEMENTS + more, MOST_STATEMENTS, held);
    },
  };
};
