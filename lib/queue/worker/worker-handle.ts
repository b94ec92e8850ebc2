import { AsyncResource } from "node:async_hooks";
import type { SettledState } from "../../db/protocol/settle.ts";
import type { TakenLease } from "../../db/protocol/take.ts";
import type { Deps, LocalStart } from "../deps.ts";
import type { CapacityOffering } from "./capacity-offer.ts";
import { describeWorker, type WorkerDescription } from "./describe.ts";
import type { Housekeeper } from "./housekeeping.ts";
import type { Poll } from "./poll.ts";
import type { QueuePositions } from "./queue-positions.ts";
import type { WorkerOptions } from "./worker-options.ts";
import type { WorkerState } from "./worker-state.ts";

/** A running worker, as others see it. */
export interface Worker {
  /** What this process begins its leases with. */
  readonly id: string;
  /** Jobs fall due in `wakeSeconds`, according to a hint; in any queue when none is named. */
  readonly hint: (wakeSeconds: number, queue?: string) => void;
  /** Whether hints and pushes of others arrive: then it offers them its capacity. */
  readonly listens: (works: boolean) => void;
  /** A lease was begun for this worker by the producer of its jobs. */
  readonly push: (lease: TakenLease) => void;
  /**
   * Takes nothing more, lets what runs end, and settles it. After `graceMs` the jobs' signals abort, and what does not end then is
   * released uncounted. @returns false when outcomes could not be written: their leases expire
   */
  stop(graceMs: number): Promise<boolean>;
  /** Jobs in this process. */
  busy(): number;
  /** Resolves when a worker that runs once has nothing left to do. */
  readonly drained: Promise<void>;
  /** Jobs by the state they were settled in. */
  readonly settled: ReadonlyMap<SettledState, number>;
  /** Starts jobs that are enqueued in this process, as they are stored. */
  readonly localStart: LocalStart;
  /** The worker's state, what it does next, and why. */
  describe(): WorkerDescription;
}

/** The parts of a worker that its callers reach. */
export interface Inside extends Pick<Worker, "id" | "stop" | "drained" | "settled" | "localStart"> {
  readonly state: WorkerState;
  readonly queues: QueuePositions;
  readonly offer: CapacityOffering;
  readonly poll: Poll;
  readonly housekeeping: Housekeeper;
  readonly pump: () => void;
  readonly pumpSoon: () => void;
}

export const toWorker = (deps: Deps, options: WorkerOptions, inside: Inside): Worker => {
  const { state, queues, offer, poll, housekeeping, pump, pumpSoon } = inside;
  return {
    id: inside.id,
    listens: (works) => {
      offer.listens(works);
      if (!works) return;
      // What was missed meanwhile is not known.
      queues.markDue();
      pump();
    },
    push: (lease) => {
      if (!options.handlers.has(lease.type)) return;
      offer.push(lease);
      pumpSoon();
    },
    // A job may give it, by what it enqueues: what starts then does not belong to that job's context.
    hint: AsyncResource.bind((wakeSeconds: number, queue?: string) => {
      if (!state.accepting) return;
      if (wakeSeconds > 0) return poll.due(wakeSeconds);
      if (!queues.markDue(queue) && options.queues === null) housekeeping.refresh();
      pump();
    }),
    stop: inside.stop,
    busy: () => state.busyJobs,
    drained: inside.drained,
    settled: inside.settled,
    localStart: inside.localStart,
    describe: () => describeWorker(state, deps.time.elapsedMs()),
  };
};
