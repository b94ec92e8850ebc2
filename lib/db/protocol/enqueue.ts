import type { IdentifiedJob } from "../../core/new-job.ts";
import { callAgain, callForCaller, only } from "../drivers/call.ts";
import type { Db, Sql } from "../drivers/client.ts";
import {
  detailLines,
  documentOf,
  type EnqueuedRow,
  lineParams,
  type Lines,
  type StoredGroup,
  type Answer,
  rowsOfAnswer,
  toLines,
  toRows,
} from "./enqueue-wire.ts";
import { toLeasedJob } from "./leased-job.ts";
import type { ClaimedLease } from "./leases.ts";
import type { TakenLease } from "./take.ts";

/** Up to this many jobs may be pushed to a worker, or announced, by the statement that stores them; a notification holds few. See ADR 9. */
const FEW = 5;

const LINES =
  "select forgeq.enqueue_lines($1::uuid[], $2, $3::text[], $4, $5, $6::int[], $7::boolean, $8, $9::uuid, $10, $11, $12::timestamptz) as stored";

const ENQUEUE_LINES = `/* forgeq:enqueue */
${LINES}`;

/** The same by a name of its own, so that pg_stat_statements tells local starts apart. */
const LOCAL_START = `/* forgeq:local_start */
${LINES}`;

// A text at first: some drivers write a string for a jsonb as a JSON string.
const ENQUEUE_MANY = `/* forgeq:enqueue */
select json_build_array(forgeq.enqueue_in_groups($1::text::jsonb, $2::boolean, $3::boolean, $4::timestamptz, $5::boolean), null) as stored`;

/** A lease that the jobs were begun in; without seconds it is another worker's. */
type BegunLease = readonly [id: string, seconds: number | null, maxAttempts: number, jobIds: readonly string[] | null];

interface StoredRow {
  readonly stored: readonly [groups: readonly StoredGroup[], lease: BegunLease | null, answer?: Answer];
}

/** Sends a statement; `params` is told whether it is sent for the first time. */
type Run = (text: string, params: (fresh: boolean) => readonly unknown[]) => Promise<StoredRow[]>;

type Start = readonly [
  start: "queue" | "push" | "local" | "caller",
  worker: string | null,
  queue: string | null,
  invocation: string | null,
];

const IN_QUEUE: Start = ["queue", null, null, null];
const OF_CALLER: Start = ["caller", null, null, null];

const storeLines = async (
  lines: Lines,
  start: Start,
  binary: boolean,
  at: Date | null,
  run: Run,
): Promise<StoredRow> => {
  const jobs = lineParams(lines, binary);
  const text = start[0] === "local" ? LOCAL_START : ENQUEUE_LINES;
  return only(await run(text, (fresh) => [...jobs, fresh, ...start, at]));
};

const isBegun = (lease: BegunLease | null): ((id: string) => "running" | null) => {
  if (lease === null) return () => null;
  const ids = lease[3] === null ? null : new Set(lease[3]);
  return (id) => (ids === null || ids.has(id) ? "running" : null);
};

const store = async (
  jobs: readonly IdentifiedJob[],
  areFresh: boolean,
  at: Date | null,
  { announce, binary }: { readonly announce: boolean; readonly binary: boolean },
  run: Run,
): Promise<EnqueuedRow[]> => {
  // Those that may be there already are looked up one by one all the same.
  const lines = areFresh ? toLines(jobs) : null;
  const few = announce && jobs.length <= FEW;
  if (lines === null) {
    const document = documentOf(jobs);
    const [groups] = only(await run(ENQUEUE_MANY, (fresh) => [document, fresh, few, at, areFresh])).stored;
    return toRows(groups, jobs);
  }
  const start: Start = few && lines.due ? ["push", null, null, null] : IN_QUEUE;
  const { stored } = await storeLines(lines, start, binary, at, run);
  const pushed = stored[1] !== null;
  const rows = toRows(stored[0], jobs, isBegun(stored[1]));
  return pushed ? rows.map((row) => ({ ...row, announced: true })) : rows;
};

/**
 * Stores jobs, all or none. Sent again after a lost answer, it finds what the first call stored.
 *
 * @param fresh - the ids were made for this call: history is looked up only when it has to be sent again
 * @param announce - push the jobs to a listening worker, or tell those that listen, where that makes no caller wait: the rows say so
 * @param isUnwanted - true when nobody waits for it any more: what was not sent yet is not sent
 */
export const enqueueMany = (
  db: Db,
  jobs: readonly IdentifiedJob[],
  fresh: boolean,
  at: Date | null,
  announce = false,
  isUnwanted?: () => boolean,
): Promise<EnqueuedRow[]> =>
  store(jobs, fresh, at, { announce, binary: db.driver === "pg" }, (text, params) =>
    callAgain<StoredRow>(db, text, (tried) => params(fresh && tried === 0), isUnwanted && { isUnwanted }),
  );

const ENQUEUE_OR_REFUSE = `/* forgeq:enqueue */
select json_build_array(null, null, forgeq.enqueue_or_refuse($1::text::jsonb, $2::boolean, $3::timestamptz, $4::boolean)) as stored`;

/**
 * The same inside a caller's transaction, which goes on after a refusal: nothing was stored, and the error is not Postgres'.
 *
 * @throws {ForgeqError} as `enqueueMany`
 */
export const enqueueManyIn = async (
  tx: Sql,
  jobs: readonly IdentifiedJob[],
  fresh: boolean,
  at: Date | null,
): Promise<EnqueuedRow[]> => {
  const lines = fresh ? toLines(jobs) : null;
  const run: Run = (text, params) => callForCaller<StoredRow>(tx, text, params(fresh));
  const {
    stored: [groups, , answer],
  } =
    lines === null
      ? only(await run(ENQUEUE_OR_REFUSE, () => [documentOf(jobs), fresh, at, fresh]))
      : await storeLines(lines, OF_CALLER, false, at, run);
  return answer === undefined ? toRows(groups, jobs) : rowsOfAnswer(answer);
};

export interface EnqueuedAndBegun {
  readonly rows: readonly EnqueuedRow[];
  /** With all jobs of the call; null where they are left to whoever claims them. */
  readonly lease: TakenLease | null;
}

/**
 * Stores jobs alike that were made for this call, all or none, and begins them for a worker of this process, where their queue has capacity: a local start.
 *
 * @param input.worker - what this process begins its leases with
 * @param input.queue - where the worker takes them to be
 */
export const enqueueAndBegin = async (
  db: Db,
  jobs: readonly IdentifiedJob[],
  input: {
    readonly queue: string;
    readonly worker: string;
    readonly invocation: string;
    readonly at: Date | null;
  },
): Promise<EnqueuedAndBegun> => {
  const lines = toLines(jobs);
  if (lines === null) return { rows: await enqueueMany(db, jobs, true, input.at), lease: null };
  const { queue, worker, invocation, at } = input;
  const { stored } = await storeLines(
    lines,
    ["local", worker, queue, invocation],
    db.driver === "pg",
    at,
    (text, params) => callAgain<StoredRow>(db, text, (tried) => params(tried === 0)),
  );
  const [groups, lease] = stored;
  const begun = isBegun(lease);
  const rows = toRows(groups, jobs, begun);
  if (lease === null) return { rows, lease };
  const [id, seconds, maxAttempts] = lease;
  const [type = ""] = lines.types;
  const details = detailLines(lines.details);
  // From the lines in which they were sent: what a handler gets is not the caller's own object.
  const begunJobs = lines.payloads
    .split("\n")
    .map((payload, n) =>
      toLeasedJob({ type, queue, maxAttempts }, lines.ids[n] ?? "", JSON.parse(payload) as unknown, details[n] ?? null),
    );
  return {
    rows,
    lease: { id, type, queue, leaseSeconds: seconds ?? 0, jobs: begunJobs.filter((job) => begun(job.id) !== null) },
  };
};

const ENQUEUE_AND_CLAIM = `/* forgeq:enqueue_and_claim */
select forgeq.enqueue_and_claim($1::jsonb, $2::boolean, $3::float8, $4::timestamptz, $5::boolean, $6) as stored`;

interface ClaimedRow {
  readonly stored: readonly [groups: readonly StoredGroup[], leases: readonly ClaimedLease[], taken: readonly string[]];
}

export interface EnqueuedAndClaimed {
  readonly rows: readonly EnqueuedRow[];
  /** For the caller to invoke. Sent again, the call gives those of the first one that have not begun. */
  readonly leases: readonly ClaimedLease[];
}

/**
 * Stores jobs, all or none, and takes as many as are due of what their queue holds then, where it has capacity: see
 * migrations/functions/enqueue_and_claim.sql.
 *
 * @param input.fresh - the ids were made for this call
 * @param input.dispatchSeconds - seconds in which the invocations have to begin
 */
export const enqueueAndClaim = async (
  db: Db,
  jobs: readonly IdentifiedJob[],
  input: {
    readonly fresh: boolean;
    readonly dispatchSeconds: number;
    readonly at: Date | null;
    /** Takes only from queues that it serves; null: from any. */
    readonly owner?: string | null;
  },
): Promise<EnqueuedAndClaimed> => {
  const document = documentOf(jobs);
  const { fresh, dispatchSeconds, at, owner = null } = input;
  const [groups, leases, taken] = only(
    await callAgain<ClaimedRow>(db, ENQUEUE_AND_CLAIM, (tried) => [
      document,
      fresh && tried === 0,
      dispatchSeconds,
      at,
      fresh,
      owner,
    ]),
  ).stored;
  const ids = new Set(taken);
  return { rows: toRows(groups, jobs, (id, created) => (created && ids.has(id) ? "leased" : null)), leases };
};
