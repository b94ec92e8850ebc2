import { ForgeqError } from "../../core/errors.ts";
import { call, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import type { CapacityOffer } from "./capacity-offer.ts";
import { WITHOUT_DISK_WAIT } from "./without-disk-wait.ts";
import { type LeasedDetails, type LeasedJob, toLeasedJob } from "./leased-job.ts";
import type { Claimed } from "./leases.ts";
import { type WakeSeconds, type BriefStates, type Ended, endedForSettle, type SettledState } from "./settle.ts";

/** Where the next take of one queue goes on. */
export interface TakeFrom {
  readonly queue: string;
  readonly claimId: string;
  /** As the last take of this queue gave them; null sweeps from the beginning. */
  readonly watermarks: readonly string[] | null;
  /** Of this queue at most, where that is less than what the statement takes in all. */
  readonly mostJobs?: number;
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
  /** How far ahead to look for the next due job when nothing is taken, in seconds; null doesn't look. */
  readonly dueHorizonSeconds: number | null;
  /** Ask what else an idle worker attends to, in the same statement; and offer its capacity, unless null. */
  readonly housekeeping?: {
    readonly offer: CapacityOffer | null;
    readonly find?: FindQueues | null;
    /** Ask for the turn to tick, and to fire the next slot. */
    readonly turn?: boolean;
  };
  readonly at: Date | null;
}

/** Asks which queues to take from: see migrations/functions/find_queues.sql. */
export interface FindQueues {
  /** All that this process ever runs. */
  readonly types: readonly string[];
  /** As the last answer gave it. */
  readonly seen: string | null;
}

/** The names of all queues, paused ones included; or, where there are more than 64, those with due jobs, unless the last look was seen. */
export interface FoundQueues {
  readonly names?: readonly string[];
  readonly due?: readonly string[];
  readonly looked_at?: string;
}

/** An open lease that was begun for this worker with the commit that stored its jobs: a push, or a local start. */
export interface PushedLease {
  readonly id: string;
  readonly leaseSeconds: number;
}

/** What this worker does for all of them: see migrations/functions/take_turn.sql. */
export interface Turn {
  /** A tick is due. */
  readonly tick: boolean;
  /** Seconds until the next slot of a schedule, negative once it has come; null: none is near, or another worker fires it. */
  readonly slot_seconds: number | null;
}

/** What an idle worker attends to in addition to its jobs. */
export interface Housekeeping {
  /** Null unless asked for, and where there is nothing to do or another worker does it. */
  readonly turn?: Turn | null;
  /** Seconds until the first lease expires, negative once it has; null: there are none. */
  readonly leaseSeconds: number | null;
  /** Null unless asked for. */
  readonly queues: FoundQueues | null;
  /** As they were before this statement's outcomes; null: there are none. */
  readonly pushed: readonly PushedLease[] | null;
  /** Whether the offer's probe was sent; null: there was none. */
  readonly probed: boolean | null;
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
  /** Where a take that its size cut off ended; null otherwise. A take from there misses what commits late: see docs/adr/0016. */
  readonly continued?: readonly string[] | null;
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
  readonly housekeeping: Housekeeping | null;
}

/** As forgeq.make_leases gives it. */
interface WireLease {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly lease_seconds: number;
  /** The type's, of a single lease; the jobs of several have their own. */
  readonly max_attempts?: number | null;
  /** Their number. */
  readonly jobs: number;
  /** Its jobs, in order, where its rows have another one. */
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
  readonly details: LeasedDetails | null;
  readonly answer: Answer | null;
  /** Of the last row, where it was asked for. */
  readonly housekeeping?: Housekeeping | null;
}

const CALL =
  "forgeq.settle_and_take($1::uuid, $2::jsonb, $3::jsonb, $4::text[], $5::int, $6, $7::float8, $8::timestamptz)";

const COLUMNS = "id, payload, details, answer";

// A lease that was begun as its jobs were stored has its claim's id; those that a worker takes have ids of their own.
const HOUSEKEEPING = `case when answer is not null then (select json_build_object(
  'leaseSeconds', forgeq.bounded_seconds(min(l.expires_at), coalesce($8, clock_timestamp())),
  'pushed', json_agg(json_build_object('id', l.id, 'leaseSeconds', extract(epoch from l.expires_at - l.created_at)))
    filter (where l.begun_by = $1 and l.id = l.claim_id and l.expires_at > coalesce($8, clock_timestamp())),
  'queues', case when $10::jsonb is not null then
    forgeq.find_queues(array(select jsonb_array_elements_text($10 -> 'types')), $10 ->> 'seen', at => $8) end,
  'turn', case when $11::boolean then forgeq.take_turn($8) end,
  'offered', forgeq.offer_capacity($1, $9::jsonb, $6, $8),
  'probed', forgeq.probe_listener($9::jsonb ->> 'channel', $9::jsonb ->> 'probe')) from forgeq.open_leases() l) end as housekeeping`;

const SETTLE_AND_TAKE = `/* forgeq:settle_and_take */
select ${COLUMNS} from ${CALL}`;

const SETTLE_AND_TAKE_WITH_HOUSEKEEPING = `/* forgeq:settle_and_take */
select ${COLUMNS}, ${HOUSEKEEPING} from ${CALL}`;

/** Without outcomes: a take that a crash of the server forgets leaves its jobs due, and their outcomes are refused. */
const TAKE = `/* forgeq:settle_and_take */
select ${COLUMNS} from ${WITHOUT_DISK_WAIT}, ${CALL}`;

const TAKE_WITH_HOUSEKEEPING = `/* forgeq:settle_and_take */
select ${COLUMNS}, ${HOUSEKEEPING} from ${WITHOUT_DISK_WAIT}, ${CALL}`;

const FIND_QUEUES = `/* forgeq:find_queues */
select forgeq.find_queues($1::text[], $2, $3::boolean, $4::timestamptz) as found`;

/** @param fresh - looks now, instead of reading what the last look of all workers found */
export const findQueues = async (db: Db, find: FindQueues, fresh: boolean, at: Date | null): Promise<FoundQueues> =>
  only(await call<{ found: FoundQueues }>(db, FIND_QUEUES, [find.types, find.seen, fresh, at])).found;

/**
 * One statement for a batch: writes outcomes of several leases, then takes due jobs that are begun already. Sent again with the
 * same claim ids it gives the first answer; see migrations/functions/settle_and_take.sql.
 *
 * @throws {ForgeqError} `database_unavailable` - it may or may not have happened; send the same input again to know
 */
export const settleAndTake = async (db: Db, input: SettleAndTake): Promise<SettledAndTaken> => {
  const { housekeeping } = input;
  const params = [
    input.worker,
    JSON.stringify(
      input.settles.map(({ leaseId, ended, all = false }) => ({
        lease_id: leaseId,
        ended: endedForSettle(ended, all),
      })),
    ),
    JSON.stringify(
      input.takes.map(({ queue, claimId, watermarks, mostJobs }) => ({
        ...{ queue, claim_id: claimId, watermarks },
        ...(mostJobs !== undefined && { max_jobs: mostJobs }),
      })),
    ),
    input.types,
    input.maxJobs,
    input.invocation,
    input.dueHorizonSeconds,
    input.at,
  ];
  const settles = input.settles.length > 0;
  const rows = await (housekeeping === undefined
    ? call<Row>(db, settles ? SETTLE_AND_TAKE : TAKE, params)
    : call<Row>(db, settles ? SETTLE_AND_TAKE_WITH_HOUSEKEEPING : TAKE_WITH_HOUSEKEEPING, [
        ...params,
        housekeeping.offer === null ? null : JSON.stringify(housekeeping.offer),
        housekeeping.find ? JSON.stringify(housekeeping.find) : null,
        housekeeping.turn === true,
      ]));
  const { answer, housekeeping: found = null } = rows.at(-1) ?? {};
  if (!answer) throw new ForgeqError("internal", "settle_and_take gave no answer");
  return {
    queues: answer.queues,
    wakeSeconds: answer.wake_seconds,
    dueSeconds: answer.due_seconds,
    serverMs: answer.server_ms,
    settled: answer.settled,
    leases: toLeases(answer.leases, rows),
    housekeeping: found,
  };
};

/** The rows of a take are together, in the order of its leases where these do not name their jobs. */
const toLeases = (leases: readonly WireLease[], rows: readonly Row[]): readonly TakenLease[] => {
  const byId = leases.some(({ ids }) => ids) ? new Map(rows.map((row) => [row.id, row])) : null;
  let next = 0;
  return leases.map((lease) => {
    const own = rows.slice(next, (next += lease.jobs));
    return toLease(lease, lease.ids?.map((id) => byId?.get(id)).filter((row) => row !== undefined) ?? own);
  });
};

const toLease = (
  { id, type, queue, lease_seconds: leaseSeconds, max_attempts: maxAttempts }: WireLease,
  rows: readonly Row[],
): TakenLease => {
  const facts = { type, queue, maxAttempts: maxAttempts ?? 1 };
  return {
    id,
    type,
    queue,
    leaseSeconds,
    jobs: rows.map((row) => toLeasedJob(facts, row.id, row.payload, row.details)),
  };
};
