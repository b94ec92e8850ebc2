import type { Handler } from "./leases.ts";

export interface WorkerOptions {
  readonly handlers: ReadonlyMap<string, Handler>;
  /** Jobs that run concurrently in this process. */
  readonly concurrency: number;
  /** Null: all queues of the database, those to come included. */
  readonly queues: readonly string[] | null;
  /** Of these queues at most so many jobs run concurrently in this process; of others `concurrency`. */
  readonly places?: ReadonlyMap<string, number>;
  /** Names the process in the attempts' records. */
  readonly invocation: string;
  /** Ticks and fires schedules, in turns with the other workers that do; false unless given. */
  readonly scheduler?: boolean;
  /** Ends when nothing is due any more. */
  readonly once?: boolean;
  /** Jobs of one statement; 500, far from the database 1,000, or `concurrency` when that is less, unless given. */
  readonly batchJobs?: number;
}
