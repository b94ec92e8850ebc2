import { AsyncResource } from "node:async_hooks";
import { DEFAULTS } from "../../core/job.ts";
import type { IdentifiedJob } from "../../core/new-job.ts";
import { areAlike } from "../../db/protocol/enqueue-wire.ts";
import type { TakenLease } from "../../db/protocol/take.ts";
import type { Time } from "../time.ts";
import type { Handler } from "./leases.ts";
import type { LocalCapacity } from "./local-start.ts";
import type { QueuePositions } from "./queue-positions.ts";
import { freeSlots, type WorkerState } from "./worker-state.ts";

/** So long after the last local start takes leave no slots free any more. */
const LOCAL_STARTS_END_MS = 10_000;

/** The queue of jobs that this worker may start as they are stored; null: their kind, or their number, is left to a take. */
const localQueueOf = (
  items: readonly IdentifiedJob[],
  handlers: ReadonlyMap<string, Handler>,
  state: WorkerState,
): string | null => {
  const [first] = items;
  const definition = first && handlers.get(first.type)?.definition;
  if (first === undefined || definition === undefined || items.length > DEFAULTS.maxDirectStartJobs) return null;
  if (items.length > 1 && definition.batchSize === 1) return null;
  return state.runnableTypes.includes(first.type) && areAlike(items) ? (first.queue ?? definition.queue) : null;
};

/** The slots for jobs that are enqueued in this process: kept while they are stored, then filled or given back. */
export const createLocalSlots = (
  state: WorkerState,
  time: Time,
  parts: {
    readonly handlers: ReadonlyMap<string, Handler>;
    readonly queues: Pick<QueuePositions, "noneWait">;
    readonly start: (leases: readonly TakenLease[]) => void;
    readonly pump: () => void;
  },
): LocalCapacity => ({
  reserve: (items) => {
    if (!state.accepting) return null;
    const queue = localQueueOf(items, parts.handlers, state);
    // Jobs of which this process knows come first.
    if (queue === null || !parts.queues.noneWait(queue)) return null;
    const nowMs = time.elapsedMs();
    const fits = freeSlots(state) >= items.length;
    const onlyReserved = !fits && freeSlots(state) + state.reservedJobs >= items.length;
    if (onlyReserved || nowMs < state.leaveSlotsUntilMs) state.leaveSlotsUntilMs = nowMs + LOCAL_STARTS_END_MS;
    if (!fits) return null;
    state.reservedJobs += items.length;
    return queue;
  },
  // What starts here does not belong to the context of the job that enqueued it.
  fill: AsyncResource.bind((jobs: number, lease: TakenLease | null): void => {
    state.reservedJobs -= jobs;
    if (lease !== null) parts.start([lease]);
    parts.pump();
  }),
});
