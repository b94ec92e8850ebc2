import { AsyncResource } from "node:async_hooks";
import type { SettledState } from "../../db/protocol/settle.ts";
import type { PushAddress } from "../../db/protocol/push-address.ts";
import type { TakenLease } from "../../db/protocol/take.ts";
import type { Deps, LocalStart } from "../deps.ts";
import type { CapacityOffering } from "./capacity-offer.ts";
import { describeWorker, type WorkerDescription } from "./describe.ts";
import type { Housekeeper } from "./housekeeping.ts";
import type { WorkerLeases } from "./leases.ts";
import type { LostPushes } from "./lost-pushes.ts";
import type { Poll } from "./poll.ts";
import type { QueuePositions } from "./queue-positions.ts";
import type { WorkerOptions } from "./worker-options.ts";
import type { WorkerState } from "./worker-state.ts";

/** A running worker, as others see it. */
export interface Worker {
  /** What this process begins its leases with. */
  readonly id: string;
  /** Where jobs are pushed to it. */
  readonly address: PushAddress;
  /** Jobs fall due in `wakeSeconds`, according to a hint; in any queue when none is named. */
  readonly hint: (wakeSeconds: number, queue?: string) => void;
  /** Somebody has asked to cancel jobs of a lease, which may be held here. */
  readonly cancelRequested: (leaseId: string) => void;
  /** Whether hints and pushes of others arrive: then it offers them its capacity. @param reopen - called when it finds that they do not */
  readonly listens: (works: boolean, reopen?: () => void) => void;
  /** A lease was begun for this worker by the producer of its jobs. */
  readonly push: (lease: TakenLease) => void;
  /** The probe of an offer has arrived. */
  readonly probed: (probe: string) => void;
  /** Something arrived on its channel that the database has not sent, or that had come before. */
  readonly ignored: () => void;
  /** Takes up what was pushed to this worker and did not arrive. */
  readonly findLostPushes: () => Promise<void>;
  /**
   * Takes nothing more, lets what runs end, and settles it. After `graceMs` the jobs' signals abort, and what does not end then is
   * released uncounted.
   *
   * @param heard - until it resolves pushes may arrive, which are released uncounted; none unless given
   * @returns false when outcomes could not be written: their leases expire
   */
  stop(graceMs: number, heard?: Promise<unknown>): Promise<boolean>;
  /** An error that nothing caught, in whose context this is called: its attempt ends with it. The worker is to be stopped then. See crash.ts. */
  readonly crashed: (error: unknown) => void;
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
export interface Inside extends Pick<Worker, "id" | "address" | "crashed" | "drained" | "settled" | "localStart"> {
  readonly stop: (graceMs: number) => Promise<boolean>;
  readonly state: WorkerState;
  readonly queues: QueuePositions;
  readonly offer: CapacityOffering;
  readonly lostPushes: LostPushes;
  readonly poll: Poll;
  readonly housekeeping: Housekeeper;
  readonly leases: Pick<WorkerLeases, "cancelRequested">;
  readonly pump: () => void;
  readonly pumpSoon: () => void;
}

export const toWorker = (deps: Deps, options: WorkerOptions, inside: Inside): Worker => {
  const { state, queues, offer, lostPushes, poll, housekeeping, pump, pumpSoon } = inside;
  const waitFor = (heard: Promise<unknown>): void => {
    state.waits += 1;
    const heardAll = (): void => {
      state.waits -= 1;
      pump();
    };
    heard.then(heardAll, heardAll);
  };
  return {
    id: inside.id,
    address: inside.address,
    listens: (works, reopen) => {
      offer.listens(works, reopen);
      if (!works) return;
      // What was missed meanwhile is not known.
      queues.markDue();
      pump();
    },
    push: (lease) => {
      if (!options.handlers.has(lease.type) || lostPushes.tookUp(lease.id)) return;
      state.pushesReceived += 1;
      offer.push(lease);
      pumpSoon();
    },
    // A job may give it, by what it enqueues: what starts then does not belong to that job's context.
    hint: AsyncResource.bind((wakeSeconds: number, queue?: string) => {
      if (!state.accepting) return;
      if (wakeSeconds > 0) {
        if (queue !== undefined) queues.expect(queue, wakeSeconds);
        return poll.due(wakeSeconds);
      }
      if (!queues.markDue(queue) && options.queues === null) housekeeping.refresh();
      pump();
    }),
    cancelRequested: AsyncResource.bind((leaseId: string) => inside.leases.cancelRequested(leaseId)),
    probed: offer.probed,
    ignored: () => void (state.pushesIgnored += 1),
    findLostPushes: lostPushes.look,
    stop: (graceMs, heard) => {
      if (heard !== undefined) waitFor(heard);
      return inside.stop(graceMs);
    },
    crashed: inside.crashed,
    busy: () => state.busyJobs,
    drained: inside.drained,
    settled: inside.settled,
    localStart: inside.localStart,
    describe: () => describeWorker(state, deps.time.elapsedMs()),
  };
};
