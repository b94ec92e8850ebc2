/** A job that is leased, as its handler gets it. */
export interface LeasedJob {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly depth: number;
  /** From due to begun, by the database's clock; null where the statement does not tell. */
  readonly waitedMs: number | null;
  readonly traceparent: string | null;
  readonly metadata: Record<string, unknown> | null;
  readonly uniqueKey: string | null;
  readonly payload: unknown;
}

/** What all jobs of a lease have in common. */
export interface LeaseFacts {
  readonly type: string;
  readonly queue: string;
  /** The type's: what a job has that says nothing else. */
  readonly maxAttempts: number;
}

/**
 * What a leased job has in addition to its id and payload; null for a first attempt with nothing else. forgeq.job_details writes it for a job that is taken
 * or begun, and whoever enqueued a job that is pushed or started locally wrote it as a line of details.
 */
export interface LeasedDetails {
  readonly attempt?: number;
  readonly max_attempts?: number;
  readonly depth?: number;
  readonly traceparent?: string;
  readonly metadata?: Record<string, unknown>;
  readonly unique_key?: string;
}

/** The one decoder of a leased job, whichever way it comes. */
export const toLeasedJob = (
  lease: LeaseFacts,
  id: string,
  payload: unknown,
  details: LeasedDetails | null,
  waitedMs: number | null = null,
): LeasedJob => ({
  id,
  type: lease.type,
  queue: lease.queue,
  attempt: details?.attempt ?? 1,
  maxAttempts: details?.max_attempts ?? lease.maxAttempts,
  depth: details?.depth ?? 0,
  waitedMs,
  traceparent: details?.traceparent ?? null,
  metadata: details?.metadata ?? null,
  uniqueKey: details?.unique_key ?? null,
  payload,
});
