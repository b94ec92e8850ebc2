import { ForgeqError } from "../core/errors.ts";
import { enqueueMany, type EnqueuedRow, type EnqueueItem } from "../db/enqueue.ts";
import { createCoalescer, type Stored } from "./coalesce.ts";
import type { Deps } from "./deps.ts";
import { wakeDispatcher } from "./wake.ts";

/** About 2 ms of Postgres' time, and far below what drivers and Neon's endpoint take. */
const LIMITS = { items: 500, bytes: 1_000_000, inFlight: 2 };
/** A call with more is a batch by itself. */
const SHARING_ITEMS = 100;

/** Seconds until the earliest of the jobs just stored is due, null when none was new; and its queue. */
const earliest = (rows: readonly EnqueuedRow[]): { dueSeconds: number | null; queue?: string } => {
  let first: EnqueuedRow | undefined;
  for (const row of rows) {
    if (row.created && row.dueSeconds !== null && row.dueSeconds < (first?.dueSeconds ?? Infinity)) first = row;
  }
  return first === undefined ? { dueSeconds: null } : { dueSeconds: first.dueSeconds, queue: first.queue ?? "" };
};

const store = async (deps: Deps, items: readonly EnqueueItem[], fresh: boolean): Promise<Stored<EnqueuedRow>> => {
  const rows = await enqueueMany(deps.db, items, fresh, deps.clock());
  const { dueSeconds, queue } = earliest(rows);
  return { rows, after: wakeDispatcher(deps, dueSeconds, queue) };
};

const coalescers = new WeakMap<Deps, ReturnType<typeof createCoalescer<EnqueueItem, EnqueuedRow>>>();

const coalescerOf = (deps: Deps) => {
  const made =
    coalescers.get(deps) ??
    createCoalescer(
      (items) => store(deps, items, true),
      (error) => error instanceof ForgeqError && error.code !== "database_unavailable",
      LIMITS,
    );
  coalescers.set(deps, made);
  return made;
};

/**
 * Stores jobs, all or none, and wakes the dispatcher. Calls of one process at the same time share statements, at most two of them
 * under way. Jobs with an id or a unique key of the caller's go by themselves: another transaction that holds the same one would
 * make everybody wait.
 *
 * @param fresh - the ids were made for this call
 */
export const storeJobs = async (
  deps: Deps,
  items: readonly EnqueueItem[],
  fresh: boolean,
): Promise<readonly EnqueuedRow[]> => {
  const shares = fresh && items.length <= SHARING_ITEMS && items.every((item) => item.unique_key === undefined);
  if (shares) return coalescerOf(deps)(items, bytesOf(items));
  const { rows, after } = await store(deps, items, fresh);
  await after;
  return rows;
};

const bytesOf = (items: readonly EnqueueItem[]): number =>
  items.reduce((sum, { payload, metadata }) => sum + JSON.stringify([payload, metadata]).length, 0);
