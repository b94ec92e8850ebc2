import type * as z from "zod";
import type { FinishedState } from "./states.ts";
import type { DeclaredSchedule } from "./schedule.ts";

/** A type or queue name. */
export const NAME_PATTERN = /^[a-z][a-z0-9_-]{0,39}$/;

/** What becomes of a job whose unique key a live job holds. */
export const ON_CONFLICT = ["existing", "reject"] as const;

/** A job type's or queue's limits when its definition names none. */
export const DEFAULTS = {
  maxAttempts: 8,
  priority: 5,
  timeoutSeconds: 60,
  leaseSeconds: 60,
  batchSize: 10,
  maxInFlight: 100,
  retentionDays: 30,
  /** The most jobs of one call that are started by the producer or the worker that stores them; a larger call leaves its jobs to a claim, which batches them. */
  maxDirectStartJobs: 10,
  dispatchSeconds: 90,
  maxDepth: 64,
} as const;

/** A payload or a result may have this many bytes as JSON. */
export const MAX_DOCUMENT_BYTES = 256 * 1024;

/** `"full"`: a random delay between 0 and the computed one. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
export type Jitter = "full" | "none";

/** How long to wait before the next attempt. Seconds everywhere; the delay is capped at one year. */
export type Backoff =
  | { readonly type: "exponential"; readonly baseSeconds: number; readonly maxSeconds: number; readonly jitter: Jitter }
  | { readonly type: "linear"; readonly baseSeconds: number; readonly maxSeconds: number; readonly jitter: Jitter }
  | { readonly type: "fixed"; readonly seconds: number; readonly jitter: Jitter }
  | { readonly type: "list"; readonly delaysSeconds: readonly number[]; readonly jitter: Jitter };

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
}

/** A job type, complete: what `defineJob` gives. */
export interface JobDefinition<Schema extends z.ZodType = z.ZodType> {
  readonly type: string;
  /** Names that the type had before: its handler runs the jobs of these, too. Another version of the library may know none. */
  readonly aliases?: readonly string[];
  /** Of what stands for an alias: the type. See aliases.ts. */
  readonly aliasOf?: string;
  readonly queue: string;
  /** Where its jobs may go besides `queue`. */
  readonly queues: readonly string[];
  readonly payload: Schema;
  readonly retry: RetryPolicy;
  /** Seconds one job may run, 1 to 880. */
  readonly timeoutSeconds: number;
  /** Seconds a begun lease lives without a heartbeat, 1 to 900. */
  readonly leaseSeconds: number;
  /** Jobs one invocation gets at most, 1 to 100. */
  readonly batchSize: number;
  /** How many jobs of one invocation run concurrently, 1 to `batchSize`. */
  readonly concurrency: number;
  /** An invocation goes on with its queue, when no other type has it, until nothing is due or its time is nearly up. */
  readonly drain: boolean;
  /** 0 to 9, lower first; what a job gets that names none. */
  readonly priority: number;
  readonly schedules: readonly DeclaredSchedule[];
  /** JSON pointers into the payload, for each of which finished jobs of this type have an index. */
  readonly search: readonly string[];
}

/** A queue, complete: what `defineQueue` gives. Null means no limit. */
export interface QueueDefinition {
  readonly name: string;
  /** How many jobs may be leased or running. */
  readonly maxInFlight: number | null;
  /** Jobs that may wait; an enqueue above it is refused as `queue_full`. */
  readonly maxPending: number | null;
  readonly retentionDays: number;
  /** Of the outcomes that are kept for fewer days. */
  readonly outcomeDays?: Readonly<Partial<Record<FinishedState, number>>>;
  /** False: completed jobs leave no history row. */
  readonly keepCompleted: boolean;
}
