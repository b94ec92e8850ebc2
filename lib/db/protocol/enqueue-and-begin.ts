import { callAgain, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { alikeParams, type EnqueuedRow, type EnqueueItem, type StoredGroup, toRows } from "./enqueue.ts";
import { toBegunJobs } from "./stored-begun.ts";
import type { TakenLease } from "./take.ts";

const ENQUEUE_AND_BEGIN = `/* forgeq:enqueue_and_begin */
select forgeq.enqueue_and_begin($1::uuid[], $2, $3, $4, $5, $6::boolean, $7, $8::uuid, $9, $10::timestamptz) as stored`;

interface Row {
  readonly stored: readonly [
    groups: readonly StoredGroup[],
    lease: readonly [id: string, seconds: number, maxAttempts: number, jobIds: readonly string[] | null] | null,
  ];
}

export interface EnqueuedAndBegun {
  readonly rows: readonly EnqueuedRow[];
  /** With all jobs of the call; null where they are left to whoever claims them. */
  readonly lease: TakenLease | null;
}

/**
 * Stores jobs alike that were made for this call, all or none, and begins them for a worker of this process, where their queue has room: see
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
  const jobs = alikeParams(items, db.driver === "pg");
  const found = await callAgain<Row>(db, ENQUEUE_AND_BEGIN, (tried) => [
    ...jobs,
    tried === 0,
    queue,
    worker,
    invocation,
    at,
  ]);
  const [groups, lease] = only(found).stored;
  const rows = toRows(groups, items);
  if (lease === null) return { rows, lease };
  const [id, leaseSeconds, maxAttempts, jobIds] = lease;
  const [, payloads, type = "", , details] = jobs;
  const ids = items.map((item) => item.id);
  const begun = new Set(jobIds ?? ids);
  const begunJobs = toBegunJobs({ type, queue, maxAttempts }, ids, payloads.split("\n"), details?.split("\n") ?? []);
  return {
    rows: rows.map((row) => ({ ...row, taken: begun.has(row.id) ? "running" : null })),
    lease: { id, type, queue, leaseSeconds, jobs: begunJobs.filter((job) => begun.has(job.id)) },
  };
};
