import { AsyncResource } from "node:async_hooks";
import { uuidV7 } from "../../core/uuid.ts";
import type { SettledState } from "../../db/protocol/settle.ts";
import type { settleAndTake, TakenLease } from "../../db/protocol/take.ts";
import type { Deps, LocalStart } from "../deps.ts";
import { canOffer, type CapacityOffering, createCapacityOffer } from "./capacity-offer.ts";
import { describeWorker, type WorkerDescription } from "./describe.ts";
import { exchange, type ExchangeParts } from "./exchange.ts";
import { stopGracefully } from "./graceful-stop.ts";
import { type Housekeeper, startHousekeeping } from "./housekeeping.ts";
import { createWorkerLeases } from "./leases.ts";
import { createLocalSlots } from "./local-slots.ts";
import { createLocalStart, type LocalCapacity } from "./local-start.ts";
import { createOutbox } from "./outbox.ts";
import { createOutcomes } from "./outcomes.ts";
import { createPoll, type Poll } from "./poll.ts";
import { createPump } from "./pump.ts";
import { createQueuePositions, type QueuePositions } from "./queue-positions.ts";
import { createSender } from "./sender.ts";
import { limitOf } from "./type-slots.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { createWorkerState, isDrained, isQuiet, type WorkerState } from "./worker-state.ts";

export type { WorkerOptions } from "./worker-options.ts";

/** A handler's own transaction holds its lease: its outcomes are sent again after this time. */
const HELD_MS = 100;

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

/** A worker, and what is inside: for tests. */
export interface WiredWorker {
  readonly worker: Worker;
  readonly state: Readonly<WorkerState>;
  readonly slots: LocalCapacity;
}

/**
 * Runs jobs in this process. It takes due jobs in batches, begun already; runs up to `concurrency` of them concurrently; and settles
 * what has ended and takes the next ones in one statement. While a statement is under way outcomes gather for the next one; more than
 * one at a time are sent only for large batches. Any number of workers share a database: a job goes to one of them.
 *
 * `worker-state.ts` says what it knows, `plan.ts` what it sends next, `exchange.ts` what the answer changes; here they are wired.
 */
export const createWorker = (deps: Deps, options: WorkerOptions): Worker => wireWorker(deps, options).worker;

/** @param call - what a statement is sent with; `settleAndTake` unless given */
export const wireWorker = (deps: Deps, options: WorkerOptions, call?: typeof settleAndTake): WiredWorker => {
  const { handlers, invocation } = options;
  const id = uuidV7();
  const pushable = [...handlers.values()].filter(({ definition }) => limitOf(definition) === Infinity);
  const types = pushable.map(({ definition }) => definition.type);
  const state = createWorkerState(options, canOffer(options, types));
  const drained = Promise.withResolvers<void>();
  const outbox = createOutbox(state);
  const queues = createQueuePositions(state, deps);
  const sender = createSender(deps, call);

  const { pump, pumpSoon, later } = createPump(deps, state, {
    before: () => offer.check(),
    send: (statement) => exchange(deps, state, parts, statement),
    after: () => {
      stopper.check();
      if (isDrained(state)) drained.resolve();
    },
  });
  const slots = createLocalSlots(state, deps.time, { handlers, queues, start: (begun) => leases.start(begun), pump });
  const localStart = createLocalStart(deps, id, invocation, slots);
  const leases = createWorkerLeases({ ...deps, localStart }, state, handlers, id, (leaseId, ended, unblocked) => {
    outbox.add(leaseId, ended);
    if (unblocked) queues.markDue(leases.queueOf(leaseId));
    pumpSoon();
  });
  const offer = createCapacityOffer(deps, state, { id, invocation, queues: options.queues, types }, leases);
  const poll = createPoll(state, deps, (due) => {
    state.pollDue = true;
    if (due) queues.markDue();
    pump();
  });
  const housekeeping = startHousekeeping(deps, options.queues, {
    onQueues: (names) => {
      state.queuesKnown = true;
      queues.set(names);
      pump();
    },
    onRecovered: (wakeSeconds) => {
      queues.markDue();
      poll.due(wakeSeconds);
    },
  });
  const outcomes = createOutcomes(deps, leases, {
    held: (leaseId, ended) => later(HELD_MS, () => ended.forEach((one) => outbox.add(leaseId, one))),
    failed: () => stopper.failed(),
  });
  const parts: ExchangeParts = { worker: id, invocation, outbox, sender, queues, leases, outcomes, offer, poll, housekeeping, later }; // prettier-ignore
  const stopper = stopGracefully(deps, {
    quiet: () => isQuiet(state),
    busy: () => state.busyJobs,
    close: () => {
      state.accepting = false;
      poll.stop();
      housekeeping.stop();
      leases.close();
      pump();
    },
    abort: () => leases.abort("shutdown", "the worker is shutting down"),
    giveUp: sender.giveUp,
  });

  const worker = toWorker(deps, options, {
    id,
    state,
    queues,
    offer,
    poll,
    housekeeping,
    pump,
    pumpSoon,
    stop: stopper.stop,
    drained: drained.promise,
    settled: outcomes.settled,
    localStart,
  });
  return { worker, state, slots };
};

interface Inside extends Pick<Worker, "id" | "stop" | "drained" | "settled" | "localStart"> {
  readonly state: WorkerState;
  readonly queues: QueuePositions;
  readonly offer: CapacityOffering;
  readonly poll: Poll;
  readonly housekeeping: Housekeeper;
  readonly pump: () => void;
  readonly pumpSoon: () => void;
}

/** What others call. */
const toWorker = (deps: Deps, options: WorkerOptions, inside: Inside): Worker => {
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
