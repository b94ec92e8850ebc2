import { binaryIds } from "./binary-ids.ts";
import { callAgain, callIn, only } from "../drivers/call.ts";
import type { Db, Sql } from "../drivers/client.ts";
import type { ClaimedLease } from "./leases.ts";

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

/**
 * `id` differs from `requestedId` when a live job held the unique key. The rest is null where the job was there already; priority and attempts are
 * the type's where the item has none of its own.
 */
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
  /** Taken by the call that stored it, in one of the leases that it gives, which is begun already when the job is `running`; or handed to a worker. */
  readonly taken: "leased" | "running" | null;
  /** Workers that listen hear of it with the commit. */
  readonly hinted: boolean;
}

/** Up to this many, a row for each job is cheaper than grouping them, and workers are told by the same statement. See ADR 9. */
const FEW = 5;

/** A row of forgeq.enqueue_many. */
const ROW = `requested_id as "requestedId", id, created, queue, priority, max_attempts as "maxAttempts", run_at as "runAt",
       created_at as "createdAt"`;

const ENQUEUE_FEW = `/* forgeq:enqueue */
select ${ROW},
       case when $4::boolean and created and run_at <= created_at then forgeq.hint_workers(queue) end as hinted
from forgeq.enqueue_many($1::jsonb, $2::boolean, $3::timestamptz)`;

/**
 * Jobs stored alike share a row: a batch of a thousand is one, and names no ids when all items are in it; `ids` are those of jobs that were there
 * already. As one value, of which a driver has less to read than of a column for each.
 */
export type StoredGroup = readonly [
  created: boolean,
  queue: string | null,
  priority: number | null,
  maxAttempts: number | null,
  runAt: string | null,
  createdAt: string | null,
  requestedIds: readonly string[] | null,
  ids: readonly string[] | null,
  hinted?: boolean | null,
  taken?: "running" | null,
];

const ENQUEUE_MANY = `/* forgeq:enqueue */
select json_build_array(created, queue, priority, max_attempts, run_at, created_at,
         case when count(*) < $4::int or not created then array_agg(requested_id) end, case when not created then array_agg(id) end) as stored
from forgeq.enqueue_many($1::jsonb, $2::boolean, $3::timestamptz)
group by created, queue, priority, max_attempts, run_at, created_at`;

const ENQUEUE_ALIKE = `/* forgeq:enqueue */
select forgeq.enqueue_alike($1::uuid[], $2, $3, $4, $5, $6::boolean, $7::timestamptz, $8::boolean) as groups`;

const toDate = (text: string | null): Date | null => (text === null ? null : new Date(text));

const isAlike = (item: EnqueueItem, { type, queue }: EnqueueItem): boolean =>
  item.type === type &&
  item.queue === queue &&
  item.run_at === undefined &&
  item.delay_seconds === undefined &&
  item.unique_key === undefined &&
  item.payload !== undefined &&
  item.payload !== null;

/** Of one type and queue, due at once, and none with a unique key. A payload of null is left to the statement that refuses it. */
export const areAlike = (items: readonly EnqueueItem[]): boolean => {
  const [first] = items;
  return first !== undefined && items.every((item) => isAlike(item, first));
};

/** Has nothing beside its payload. */
const isPlain = ({ priority, max_attempts, metadata, depth, traceparent }: EnqueueItem): boolean =>
  priority === undefined &&
  max_attempts === undefined &&
  metadata === undefined &&
  depth === undefined &&
  traceparent === undefined;

const linesOf = (items: readonly EnqueueItem[], part: (item: EnqueueItem) => unknown): string =>
  items.map((item) => JSON.stringify(part(item))).join("\n");

/** What forgeq.enqueue_alike and enqueue_and_begin take of jobs alike: payloads and details as a line of JSON for each. */
export const alikeParams = (
  items: readonly EnqueueItem[],
  binary: boolean,
): [ids: Buffer | string, payloads: string, type: string | undefined, queue: string | null, details: string | null] => {
  const ids = items.map(({ id }) => id);
  const details = items.every(isPlain)
    ? null
    : linesOf(items, ({ priority, max_attempts, metadata, depth, traceparent }) => ({
        priority,
        max_attempts,
        metadata,
        depth,
        traceparent,
      }));
  return [
    binary ? binaryIds(ids) : `{${ids.join(",")}}`,
    linesOf(items, ({ payload }) => payload),
    items[0]?.type,
    items[0]?.queue ?? null,
    details,
  ];
};

const secondsBetween = (from: Date | null, to: Date | null): number | null =>
  from === null || to === null ? null : Math.max(0, (to.getTime() - from.getTime()) / 1000);

interface StoredRow extends Omit<EnqueuedRow, "dueSeconds" | "taken" | "hinted"> {
  readonly hinted?: boolean | null;
}

const rowOf = (said: StoredRow): EnqueuedRow => ({
  ...said,
  dueSeconds: secondsBetween(said.createdAt, said.runAt),
  taken: null,
  hinted: said.hinted === true,
});

const rowsOf = (group: StoredGroup, items: readonly EnqueueItem[]): EnqueuedRow[] => {
  const [created, queue, priority, maxAttempts, runAtText, createdAtText, requestedIds, ids, hintedOrNot, taken] =
    group;
  const runAt = toDate(runAtText);
  const createdAt = toDate(createdAtText);
  const dueSeconds = secondsBetween(createdAt, runAt);
  const hinted = hintedOrNot === true;
  // Written out: a copy to which two properties are added takes twice the memory.
  const row = (requestedId: string, id: string): EnqueuedRow => ({
    requestedId,
    id,
    created,
    queue,
    priority,
    maxAttempts,
    runAt,
    createdAt,
    dueSeconds,
    taken: taken ?? null,
    hinted,
  });
  if (requestedIds === null) return items.map(({ id }) => row(id, id));
  return requestedIds.map((requestedId, index) => row(requestedId, ids?.[index] ?? requestedId));
};

export const toRows = (groups: readonly StoredGroup[], items: readonly EnqueueItem[]): EnqueuedRow[] =>
  groups.flatMap((group) => rowsOf(group, items));

type Run = <Row>(text: string, params: (fresh: boolean) => readonly unknown[]) => Promise<Row[]>;

/** Stores by the statement that is cheaper for these. */
const storeBy = async (
  items: readonly EnqueueItem[],
  areFresh: boolean,
  at: Date | null,
  { hint, binary }: { readonly hint: boolean; readonly binary: boolean },
  run: Run,
): Promise<EnqueuedRow[]> => {
  const few = items.length <= FEW;
  // Those that may be there already are looked up one by one all the same.
  if (areFresh && areAlike(items)) {
    const jobs = alikeParams(items, binary);
    const params = (fresh: boolean) => [...jobs, fresh, at, few && hint];
    return toRows(only(await run<{ groups: StoredGroup[] }>(ENQUEUE_ALIKE, params)).groups, items);
  }
  const jobs = JSON.stringify(items);
  if (!few) {
    const groups = await run<{ stored: StoredGroup }>(ENQUEUE_MANY, (fresh) => [jobs, fresh, at, items.length]);
    return toRows(
      groups.map(({ stored }) => stored),
      items,
    );
  }
  return (await run<StoredRow>(ENQUEUE_FEW, (fresh) => [jobs, fresh, at, hint])).map(rowOf);
};

/**
 * Stores jobs, all or none. Sent again after a lost answer, it finds what the first call stored.
 *
 * @param fresh - the ids were made for this call: history is looked up only when it has to be sent again
 * @param hint - tell the workers that listen, where that makes no caller wait: the rows say so
 */
export const enqueueMany = (
  db: Db,
  items: readonly EnqueueItem[],
  fresh: boolean,
  at: Date | null,
  hint = false,
): Promise<EnqueuedRow[]> =>
  storeBy(items, fresh, at, { hint, binary: db.driver === "pg" }, (text, params) =>
    callAgain(db, text, (tried) => params(fresh && tried === 0)),
  );

/** The same inside a caller's transaction. */
export const enqueueManyIn = (
  tx: Sql,
  items: readonly EnqueueItem[],
  fresh: boolean,
  at: Date | null,
): Promise<EnqueuedRow[]> =>
  storeBy(items, fresh, at, { hint: false, binary: false }, (text, params) => callIn(tx, text, params(fresh)));

const ENQUEUE_AND_CLAIM = `/* forgeq:enqueue_and_claim */
select ${ROW}, leased, leases
from forgeq.enqueue_and_claim($1::jsonb, $2::boolean, $3::text[], $4::float8, $5::timestamptz)`;

interface ClaimedRow extends StoredRow {
  readonly leased: boolean;
  readonly leases: readonly ClaimedLease[];
}

export interface EnqueuedAndClaimed {
  readonly rows: readonly EnqueuedRow[];
  /** For the caller to invoke. Sent again, the call gives those of the first one that have not begun. */
  readonly leases: readonly ClaimedLease[];
}

/**
 * Stores jobs, all or none, and takes as many as are due of what their queue holds then, where it has room: see
 * migrations/functions/enqueue_and_claim.sql.
 *
 * @param input.fresh - the ids were made for this call
 * @param input.dispatchSeconds - seconds in which the invocations have to begin
 */
export const enqueueAndClaim = async (
  db: Db,
  items: readonly EnqueueItem[],
  input: {
    readonly fresh: boolean;
    readonly blockedTypes: readonly string[];
    readonly dispatchSeconds: number;
    readonly at: Date | null;
  },
): Promise<EnqueuedAndClaimed> => {
  const jobs = JSON.stringify(items);
  const { fresh, blockedTypes, dispatchSeconds, at } = input;
  const rows = await callAgain<ClaimedRow>(db, ENQUEUE_AND_CLAIM, (tried) => [
    jobs,
    fresh && tried === 0,
    blockedTypes,
    dispatchSeconds,
    at,
  ]);
  return {
    rows: rows.map(({ leases: _, leased, ...row }) => ({ ...rowOf(row), taken: leased ? "leased" : null })),
    leases: rows[0]?.leases ?? [],
  };
};
