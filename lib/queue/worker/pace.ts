import type { WorkerState } from "./worker-state.ts";

/** Jobs that one statement takes and settles at most. Far from the database twice as many: concurrent statements pass over each other's jobs. */
const BATCH_JOBS = 500;
const FAR_MS = 10;
const MOST_BATCH_JOBS = 1_000;
/** Concurrent statements: two, of which one is under way while the jobs of the other run, and one more for each 10 ms of round-trip time. */
const STATEMENTS = 2;
const MORE_PER_MS = 10;
const MOST_STATEMENTS = 8;

type Paced = Pick<WorkerState, "concurrency" | "batchJobs" | "roundTripMs">;

/** How many jobs a statement takes and settles at most, by how far the database is. */
export const batchJobsOf = ({ concurrency, batchJobs, roundTripMs }: Paced): number => {
  const most = (roundTripMs ?? 0) < FAR_MS ? BATCH_JOBS : BATCH_JOBS * 2;
  return Math.min(batchJobs ?? most, concurrency, MOST_BATCH_JOBS);
};

/** How many statements of large batches may be under way concurrently. */
export const mostStatementsOf = (state: Paced): number => {
  const more = Math.floor((state.roundTripMs ?? 0) / MORE_PER_MS);
  const held = Math.max(1, Math.floor(state.concurrency / batchJobsOf(state)));
  return Math.min(STATEMENTS + more, MOST_STATEMENTS, held);
};

/** A statement has spent `ms` on its way. */
export const noteRoundTrip = (state: WorkerState, ms: number): void => {
  state.roundTripMs = Math.min(state.roundTripMs ?? Infinity, Math.max(0, ms));
};
