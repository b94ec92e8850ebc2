import { type JobCount, readJobCounts, readLiveCounts } from "../../db/reads/job-counts.ts";
import type { Part } from "../../db/reads/part.ts";
import { readQueueNumbers } from "../../db/reads/stats.ts";
import type { Deps } from "../deps.ts";

/** Queues of which scheduled and pending jobs are told apart. */
const MAX_QUEUES = 100;

export interface JobCounts {
  /** Null where the queues have jobs of other types, too, or are more than a hundred. */
  readonly scheduled: number | null;
  readonly pending: number | null;
  readonly waiting: number;
  readonly leased: number;
  readonly running: number;
  readonly dead: number;
  readonly cancelled: number;
  /** A number is a lower bound. */
  readonly capped: boolean;
  readonly by: readonly JobCount[];
}

const sum = (counts: readonly JobCount[], of: "waiting" | "leased" | "running" | "dead" | "cancelled"): number =>
  counts.reduce((total, count) => total + count[of], 0);

/** The jobs of a part by state, but for completed ones, which nobody counts; scheduled and pending ones of whole queues alone. */
export const jobCounts = async (deps: Deps, part: Part): Promise<JobCounts> => {
  const { by, complete } = await readJobCounts(deps.db, part);
  // With types given, whether their queues hold others is asked of all types.
  const queues = [...new Set(by.filter(({ waiting }) => waiting > 0).map(({ queue }) => queue))];
  const shared = part.types === null ? [] : await readLiveCounts(deps.db, { types: null, queues });
  const whole =
    queues.length <= MAX_QUEUES && shared.every(({ type, waiting }) => waiting === 0 || part.types?.includes(type));
  const stats = whole && queues.length > 0 ? await readQueueNumbers(deps.db, queues, deps.clock()) : [];
  return {
    scheduled: whole ? stats.reduce((total, queue) => total + queue.scheduled, 0) : null,
    pending: whole ? stats.reduce((total, queue) => total + queue.pending, 0) : null,
    waiting: sum(by, "waiting"),
    leased: sum(by, "leased"),
    running: sum(by, "running"),
    dead: sum(by, "dead"),
    cancelled: sum(by, "cancelled"),
    capped: !complete || stats.some(({ capped }) => capped),
    by,
  };
};
