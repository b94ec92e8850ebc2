import { call, only } from "./call.ts";
import type { Db } from "./client.ts";
import type { Claimed, Ended, LeasedJob, SettledState, WakeSeconds } from "./leases.ts";

/** Where the next take of one queue goes on. */
export interface TakeFrom {
  readonly queue: string;
  readonly claimId: string;
  /** As the last take of this queue gave them; null sweeps from the beginning. */
  readonly watermarks: readonly string[] | null;
}

export interface SettleAndTake {
  /** What this process begins all its leases with. */
  readonly worker: string;
  readonly settles: readonly { readonly leaseId: string; readonly ended: readonly Ended[] }[];
  /** Visited in this order until `maxJobs` are taken; none, nothing is taken. */
  readonly takes: readonly TakeFrom[];
  /** The types that this process can run now. */
  readonly types: readonly string[];
  readonly maxJobs: number;
  /** Names the process in the attempts' records. */
  readonly invocation: string | null;
  /** Seconds to look ahead when nothing is taken; null doesn't look. */
  readonly dueHorizonSeconds: number | null;
  readonly at: Date | null;
}

/** A lease that this process has begun with the call, and its jobs. */
export interface TakenLease {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly leaseSeconds: number;
  readonly jobs: readonly LeasedJob[];
}

export interface SettledAndTaken {
  /** By lease, then job; `busy`: nothing was written, send it again. */
  readonly settled: Readonly<Record<string, Readonly<Record<string, SettledState | "busy">>>>;
  readonly wakeSeconds: WakeSeconds;
  readonly queues: readonly (Pick<Claimed, "outcome" | "watermarks" | "more"> & { readonly queue: string })[];
  readonly leases: readonly TakenLease[];
  /** Only when nothing was taken: seconds until the next job falls due. */
  readonly dueSeconds: number | null;
}

interface WireLease {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly lease_seconds: number;
}

/** As migrations/functions/settle_and_take.sql lists them: without names, which would be half of a batch's bytes. */
type WireJob = readonly [
  id: string,
  attempt: number,
  maxAttempts: number,
  depth: number,
  createdAt: string,
  runAt: string,
  traceparent: string | null,
  metadata: Record<string, unknown> | null,
  payload: unknown,
];

interface Row extends Omit<SettledAndTaken, "leases"> {
  readonly leases: readonly WireLease[] | null;
  /** A list for each lease, in the order of the leases. */
  readonly jobs: readonly (readonly WireJob[])[] | null;
}

const SETTLE_AND_TAKE = `/* forgeq:settle_and_take */
select settled, wake_seconds as "wakeSeconds", queues, leases, jobs, due_seconds as "dueSeconds"
from forgeq.settle_and_take($1::uuid, $2::jsonb, $3::jsonb, $4::text[], $5::int, $6, $7::float8, $8::timestamptz)`;

/**
 * One statement for a batch: writes outcomes of several leases, then takes due jobs that are begun already. Sent again with the
 * same claim ids it gives the first answer; see migrations/functions/settle_and_take.sql.
 *
 * @throws {ForgeqError} `database_unavailable` - it may or may not have happened; send the same input again to know
 */
export const settleAndTake = async (db: Db, input: SettleAndTake): Promise<SettledAndTaken> => {
  const { leases, jobs, ...row } = only(
    await call<Row>(db, SETTLE_AND_TAKE, [
      input.worker,
      JSON.stringify(input.settles.map(({ leaseId, ended }) => ({ lease_id: leaseId, ended }))),
      JSON.stringify(input.takes.map(({ queue, claimId, watermarks }) => ({ queue, claim_id: claimId, watermarks }))),
      input.types,
      input.maxJobs,
      input.invocation,
      input.dueHorizonSeconds,
      input.at,
    ]),
  );
  return { ...row, leases: (leases ?? []).map((lease, index) => toLease(lease, jobs?.[index] ?? [])) };
};

const toLease = (
  { id, type, queue, lease_seconds: leaseSeconds }: WireLease,
  jobs: readonly WireJob[],
): TakenLease => ({
  id,
  type,
  queue,
  leaseSeconds,
  jobs: jobs.map((job) => ({
    id: job[0],
    type,
    queue,
    attempt: job[1],
    maxAttempts: job[2],
    depth: job[3],
    waitedMs: null,
    traceparent: job[6],
    metadata: job[7],
    payload: job[8],
  })),
});
