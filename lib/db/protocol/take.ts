import { ForgeqError } from "../../core/errors.ts";
import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import type { Claimed, LeasedJob, WakeSeconds } from "./leases.ts";
import type { Room } from "./room-offer.ts";
import { type BriefStates, type Ended, endedForSettle, type SettledState } from "./settle.ts";

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
  /** `all`: of all jobs of the lease. */
  readonly settles: readonly { readonly leaseId: string; readonly ended: readonly Ended[]; readonly all?: boolean }[];
  /** Visited in this order until `maxJobs` are taken; none, nothing is taken. */
  readonly takes: readonly TakeFrom[];
  /** The types that this process can run now. */
  readonly types: readonly string[];
  readonly maxJobs: number;
  /** Names the process in the attempts' records. */
  readonly invocation: string | null;
  /** Seconds to look ahead when nothing is taken; null doesn't look. */
  readonly dueHorizonSeconds: number | null;
  /** Ask what else an idle worker attends to, in the same statement; and say what it has room for, unless null. */
  readonly beside?: { readonly room: Room | null };
  readonly at: Date | null;
}

/** What an idle worker attends to beside its jobs. */
export interface Beside {
  /** Seconds until the first lease expires, negative once it has; null: there are none. */
  readonly leaseSeconds: number | null;
  /** All queues, paused ones included. */
  readonly queues: readonly string[];
}

/** A lease that this process has begun with the call, and its jobs. */
export interface TakenLease {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly leaseSeconds: number;
  readonly jobs: readonly LeasedJob[];
}

/** What a take found of a queue that it visited. */
export interface TakenFrom extends Pick<Claimed, "outcome" | "watermarks" | "more"> {
  readonly queue: string;
  /** Where a take that its size cut off ended; null otherwise. One from there misses what commits late: see docs/adr/0016. */
  readonly near?: readonly string[] | null;
}

export interface SettledAndTaken {
  /** By lease; `busy`: nothing was written, send it again. */
  readonly settled: Readonly<Record<string, BriefStates<SettledState | "busy">>>;
  readonly wakeSeconds: WakeSeconds;
  readonly queues: readonly TakenFrom[];
  readonly leases: readonly TakenLease[];
  /** Only when nothing was taken: seconds until the next job falls due. */
  readonly dueSeconds: number | null;
  /** Milliseconds that the server spent on it, without its commit. */
  readonly serverMs: number;
  /** Null unless asked for. */
  readonly beside: Beside | null;
}

/** As migrations/functions/job_details.sql says it. */
type Details = readonly [
  attempt: number,
  maxAttempts: number,
  depth: number,
  traceparent: string | null,
  metadata: Record<string, unknown> | null,
];

interface WireLease {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly lease_seconds: number;
  readonly max_attempts?: number | null;
  /** Their number. */
  readonly jobs: number;
  /** Their order, where the rows have another one. */
  readonly ids?: readonly string[] | null;
}

interface Answer {
  readonly settled: SettledAndTaken["settled"];
  readonly wake_seconds: WakeSeconds;
  readonly queues: SettledAndTaken["queues"];
  readonly leases: readonly WireLease[];
  readonly due_seconds: number | null;
  readonly server_ms: number;
}

/** A job; the last row has the answer instead. */
interface Row {
  readonly id: string;
  readonly payload: unknown;
  /** JSON of `Details`; null for a first attempt of as many as its lease says, with nothing more to it. */
  readonly job: string | null;
  readonly answer: Answer | null;
  /** Of the last row, where it was asked for. */
  readonly beside?: Beside | null;
}

const CALL =
  "forgeq.settle_and_take($1::uuid, $2::jsonb, $3::jsonb, $4::text[], $5::int, $6, $7::float8, $8::timestamptz, true)";

const SETTLE_AND_TAKE = `/* forgeq:settle_and_take */
select id, payload, job, answer from ${CALL}`;

const ASK_BESIDE = `/* forgeq:settle_and_take */
select id, payload, job, answer, case when answer is not null then json_build_object(
  'leaseSeconds', (select extract(epoch from min(expires_at) - coalesce($8, clock_timestamp())) from forgeq.lease),
  'queues', array(select name from forgeq.queue order by name),
  'offered', forgeq.offer_room($1, $9::jsonb, $6, $8)) end as beside
from ${CALL}`;

/**
 * One statement for a batch: writes outcomes of several leases, then takes due jobs that are begun already. Sent again with the
 * same claim ids it gives the first answer; see migrations/functions/settle_and_take.sql.
 *
 * @throws {ForgeqError} `database_unavailable` - it may or may not have happened; send the same input again to know
 */
export const settleAndTake = async (db: Db, input: SettleAndTake): Promise<SettledAndTaken> => {
  const { beside: asks } = input;
  const params = [
    input.worker,
    JSON.stringify(
      input.settles.map(({ leaseId, ended, all = false }) => ({
        lease_id: leaseId,
        ended: endedForSettle(ended, all),
      })),
    ),
    JSON.stringify(input.takes.map(({ queue, claimId, watermarks }) => ({ queue, claim_id: claimId, watermarks }))),
    input.types,
    input.maxJobs,
    input.invocation,
    input.dueHorizonSeconds,
    input.at,
  ];
  const rows = await (asks === undefined
    ? call<Row>(db, SETTLE_AND_TAKE, params)
    : call<Row>(db, ASK_BESIDE, [...params, asks.room === null ? null : JSON.stringify(asks.room)]));
  const { answer, beside = null } = rows.at(-1) ?? {};
  if (!answer) throw new ForgeqError("internal", "settle_and_take gave no answer");
  return {
    queues: answer.queues,
    wakeSeconds: answer.wake_seconds,
    dueSeconds: answer.due_seconds,
    serverMs: answer.server_ms,
    settled: answer.settled,
    leases: toLeases(answer.leases, rows),
    beside,
  };
};

const toLeases = (leases: readonly WireLease[], rows: readonly Row[]): readonly TakenLease[] => {
  let next = 0;
  return leases.map((lease) => toLease(lease, inOrder(rows.slice(next, (next += lease.jobs)), lease.ids ?? null)));
};

const inOrder = (rows: readonly Row[], ids: readonly string[] | null): readonly Row[] => {
  if (ids === null) return rows;
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id)).filter((row) => row !== undefined);
};

const toLease = (
  { id, type, queue, lease_seconds: leaseSeconds, max_attempts: maxAttempts }: WireLease,
  rows: readonly Row[],
): TakenLease => {
  const usual: Details = [1, maxAttempts ?? 1, 0, null, null];
  return {
    id,
    type,
    queue,
    leaseSeconds,
    jobs: rows.map((row) => {
      // By place: a pattern of a list goes through its iterator until it is compiled.
      const details = row.job === null ? usual : (JSON.parse(row.job) as Details);
      return {
        id: row.id,
        type,
        queue,
        attempt: details[0],
        maxAttempts: details[1],
        depth: details[2],
        waitedMs: null,
        traceparent: details[3],
        metadata: details[4],
        payload: row.payload,
      };
    }),
  };
};
