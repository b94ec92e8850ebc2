import { callAgain } from "./call.ts";
import type { Db } from "./client.ts";
import { type EnqueuedRow, type EnqueueItem, ROW, type StoredRow, toRow } from "./enqueue.ts";
import type { LeasedJob } from "./leases.ts";
import type { TakenLease } from "./take.ts";

const ENQUEUE_AND_BEGIN = `/* forgeq:enqueue_and_begin */
select ${ROW}, lease_id as "leaseId", lease_seconds as "leaseSeconds"
from forgeq.enqueue_and_begin($1::jsonb, $2::boolean, $3, $4::uuid, $5, $6::timestamptz)`;

interface BegunRow extends StoredRow {
  readonly leaseId: string | null;
  readonly leaseSeconds: number | null;
}

export interface EnqueuedAndBegun {
  readonly rows: readonly EnqueuedRow[];
  /** With all jobs of the call; null where they are left to whoever claims them. */
  readonly lease: TakenLease | null;
}

/**
 * Stores jobs that were made for this call, all or none, and begins them for a worker of this process, where their queue has room: see
 * migrations/functions/enqueue_and_begin.sql.
 *
 * @param input.worker - what this process begins its leases with
 * @param input.queue - where the worker takes them to be
 */
export const enqueueAndBegin = async (
  db: Db,
  items: readonly EnqueueItem[],
  input: {
    readonly queue: string;
    readonly worker: string;
    readonly invocation: string;
    readonly at: Date | null;
  },
): Promise<EnqueuedAndBegun> => {
  const { queue, worker, invocation, at } = input;
  const jobs = JSON.stringify(items);
  const found = await callAgain<BegunRow>(db, ENQUEUE_AND_BEGIN, (tried) => [
    jobs,
    tried === 0,
    queue,
    worker,
    invocation,
    at,
  ]);
  const begun = new Map(found.filter(({ leaseId }) => leaseId !== null).map((row) => [row.id, row]));
  const rows = found.map(({ leaseId, leaseSeconds: _, ...row }): EnqueuedRow => ({
    ...toRow(row),
    taken: leaseId === null ? null : "running",
  }));
  const [first] = begun.values();
  if (first === undefined) return { rows, lease: null };
  // As they were sent: what a handler gets must not be the caller's own object.
  const sent = JSON.parse(jobs) as EnqueueItem[];
  return {
    rows,
    lease: {
      id: first.leaseId ?? "",
      type: sent[0]?.type ?? "",
      queue,
      leaseSeconds: first.leaseSeconds ?? 0,
      jobs: sent.flatMap((item) => {
        const row = begun.get(item.id);
        return row === undefined ? [] : [begunJob(item, queue, row.maxAttempts ?? 1)];
      }),
    },
  };
};

const begunJob = (item: EnqueueItem, queue: string, maxAttempts: number): LeasedJob => ({
  id: item.id,
  type: item.type,
  queue,
  attempt: 1,
  maxAttempts,
  depth: item.depth ?? 0,
  waitedMs: null,
  traceparent: item.traceparent ?? null,
  metadata: item.metadata ?? null,
  payload: item.payload,
});
