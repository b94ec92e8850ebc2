import { ForgeqError, isUnanswered } from "../../core/errors.ts";
import { roughBytes } from "../../core/document.ts";
import { DEFAULTS } from "../../core/job.ts";
import type { IdentifiedJob } from "../../core/new-job.ts";
import { enqueueMany } from "../../db/protocol/enqueue.ts";
import type { EnqueuedRow } from "../../db/protocol/enqueue-wire.ts";
import { type Caller, createAdmission } from "./admission.ts";
import { createCoalescer, type Stored } from "./coalescer.ts";
import type { Deps } from "../deps.ts";
import { invokeDispatcher } from "../wake/wake-dispatcher.ts";

/** About 2 ms of Postgres' time, and far below what drivers and Neon's endpoint take. */
const LIMITS = { items: 500, bytes: 1_000_000, inFlight: 2, waitMs: 5_000 };
/** A call with more is a batch by itself. */
const SHARING_ITEMS = 100;

/** Wakes whoever runs the jobs that were stored and not started by the same statement: workers for each queue, a dispatcher for the earliest. */
const wakeForRows = async (deps: Deps, rows: readonly EnqueuedRow[]): Promise<void> => {
  const soonest = new Map<string, EnqueuedRow>();
  for (const row of rows) {
    if (!row.created || row.taken !== null || row.dueSeconds === null) continue;
    const queue = row.queue ?? "";
    if (row.dueSeconds < (soonest.get(queue)?.dueSeconds ?? Infinity)) soonest.set(queue, row);
  }
  const [earliest] = [...soonest.values()].sort((a, b) => (a.dueSeconds ?? 0) - (b.dueSeconds ?? 0));
  if (earliest === undefined) return;
  const { hintWorkers } = deps;
  if (hintWorkers !== undefined)
    await Promise.all(
      [...soonest].map(([queue, { dueSeconds, announced }]) => hintWorkers(dueSeconds ?? 0, queue, announced)),
    );
  await invokeDispatcher(deps, earliest.dueSeconds, earliest.queue ?? "");
};

/** May whoever stores these jobs invoke their handlers? The database decides whether there is capacity, and which types are blocked. */
const wantsEagerInvoke = (deps: Deps, items: readonly IdentifiedJob[]): boolean => {
  if (
    deps.config.eager !== true ||
    deps.config.dispatcherFunction === null ||
    items.length > DEFAULTS.maxDirectStartJobs
  )
    return false;
  return items.some((item) => item.runAt === undefined && item.delaySeconds === undefined);
};

const store = async (
  deps: Deps,
  items: readonly IdentifiedJob[],
  fresh: boolean,
  caller?: Caller,
): Promise<Stored<EnqueuedRow>> => {
  const started = fresh ? deps.localStart?.store(items) : null;
  if (started) {
    const rows = await started;
    return { rows, after: wakeForRows(deps, rows) };
  }
  if (!wantsEagerInvoke(deps, items)) {
    const hints = deps.hintWorkers !== undefined && deps.db.driver === "pg" && deps.db.inTransaction !== true;
    const rows = await enqueueMany(deps.db, items, fresh, deps.clock(), hints, caller?.hasLeft);
    return { rows, after: wakeForRows(deps, rows) };
  }
  const { storeEagerly } = await import("./eager-invoke.ts");
  const { rows, sent } = await storeEagerly(deps, items, fresh);
  return { rows, after: Promise.all([sent, wakeForRows(deps, rows)]).then(() => undefined) };
};

interface Shared {
  readonly coalesce: ReturnType<typeof createCoalescer<IdentifiedJob, EnqueuedRow>>;
  readonly admit: ReturnType<typeof createAdmission>;
}

const shared = new WeakMap<Deps, Shared>();

/** Postgres said no to what it was sent: nothing was stored, and each caller's part may be sent by itself. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ForgeqError && error.code !== "busy" && !isUnanswered(error);

const sharedOf = (deps: Deps): Shared => {
  const made = shared.get(deps) ?? {
    coalesce: createCoalescer(
      (items, caller) => store(deps, items, true, caller),
      isRefusal,
      LIMITS,
      // Requests that arrive together are read within one turn of the event loop. A worker's jobs that begin together need none of it to enqueue together.
      deps.localStart === undefined ? setImmediate : (pump) => process.nextTick(pump),
    ),
    admit: createAdmission(),
  };
  shared.set(deps, made);
  return made;
};

/**
 * Stores jobs, all or none, and wakes the dispatcher. Calls of one process at the same time share statements, at most two of them
 * under way. Jobs with an id or a unique key of the caller's go by themselves: another transaction that holds the same one would
 * make everybody wait.
 *
 * @param fresh - the ids were made for this call
 * @param caller - given where it may leave: then what waits is bounded, in bytes and in time
 */
export const storeJobs = (
  deps: Deps,
  items: readonly IdentifiedJob[],
  fresh: boolean,
  caller?: Caller,
): Promise<readonly EnqueuedRow[]> => {
  const { coalesce, admit } = sharedOf(deps);
  const shares = fresh && items.length <= SHARING_ITEMS && items.every((item) => item.uniqueKey === undefined);
  if (caller === undefined) return shares ? coalesce(items, bytesOf(items)) : storeAlone(deps, items, fresh);
  const bytes = bytesOf(items);
  return admit(bytes, () => (shares ? coalesce(items, bytes, caller) : storeAlone(deps, items, fresh, caller)));
};

const storeAlone = async (
  deps: Deps,
  items: readonly IdentifiedJob[],
  fresh: boolean,
  caller?: Caller,
): Promise<readonly EnqueuedRow[]> => {
  const { rows, after } = await store(deps, items, fresh, caller);
  await after;
  return rows;
};

const bytesOf = (items: readonly IdentifiedJob[]): number =>
  items.reduce((sum, { payload, metadata = null }) => {
    const rough = roughBytes([payload, metadata]);
    return sum + (Number.isNaN(rough) ? JSON.stringify([payload, metadata]).length : rough);
  }, 0);
