import { callAgain, callIn } from "./call.ts";
import type { Db, Sql } from "./client.ts";

/** One item of forgeq.enqueue_many, as its SQL names things; what is undefined comes from the job's type. */
export interface EnqueueItem {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
  readonly queue?: string | undefined;
  readonly priority?: number | undefined;
  readonly run_at?: string | undefined;
  readonly delay_seconds?: number | undefined;
  readonly max_attempts?: number | undefined;
  readonly unique_key?: string | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  readonly depth?: number | undefined;
  readonly traceparent?: string | undefined;
}

/** `id` differs from `requestedId` when a live job held the unique key. The rest is null where the job was there already. */
export interface EnqueuedRow {
  readonly requestedId: string;
  readonly id: string;
  readonly created: boolean;
  readonly queue: string | null;
  readonly priority: number | null;
  readonly maxAttempts: number | null;
  readonly runAt: Date | null;
  readonly createdAt: Date | null;
  /** By the database's clock, 0 for a job that is due. */
  readonly dueSeconds: number | null;
}

const ENQUEUE_MANY = `/* forgeq:enqueue */
select requested_id as "requestedId", id, created, queue, priority, max_attempts as "maxAttempts", run_at as "runAt",
       created_at as "createdAt",
       greatest(0, extract(epoch from run_at - coalesce($3::timestamptz, clock_timestamp())))::float8 as "dueSeconds"
from forgeq.enqueue_many($1::jsonb, $2::boolean, $3::timestamptz)`;

/**
 * Stores jobs, all or none. Sent again after a lost answer, it finds what the first call stored.
 *
 * @param fresh - the ids were made for this call: history is looked up only when it has to be sent again
 */
export const enqueueMany = (
  db: Db,
  items: readonly EnqueueItem[],
  fresh: boolean,
  at: Date | null,
): Promise<EnqueuedRow[]> => {
  const jobs = JSON.stringify(items);
  return callAgain<EnqueuedRow>(db, ENQUEUE_MANY, (tried) => [jobs, fresh && tried === 0, at]);
};

/** The same inside a caller's transaction. */
export const enqueueManyIn = (
  tx: Sql,
  items: readonly EnqueueItem[],
  fresh: boolean,
  at: Date | null,
): Promise<EnqueuedRow[]> => callIn<EnqueuedRow>(tx, ENQUEUE_MANY, [JSON.stringify(items), fresh, at]);
