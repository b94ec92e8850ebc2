import { uuidV7 } from "../../core/uuid.ts";
import { createPushAddress } from "../../db/protocol/push-address.ts";
import type { Ended } from "../../db/protocol/settle.ts";
import type { settleAndTake } from "../../db/protocol/take.ts";
import type { Deps } from "../deps.ts";
import { canOffer, createCapacityOffer, offeredQueues } from "./capacity-offer.ts";
import { createCrash } from "./crash.ts";
import { exchange, type ExchangeParts } from "./exchange.ts";
import { stopGracefully } from "./graceful-stop.ts";
import { type Housekeeper, startHousekeeping } from "./housekeeping.ts";
import { createWorkerLeases, type WorkerLeases } from "./leases.ts";
import { createLocalSlots } from "./local-slots.ts";
import { createLocalStart, type LocalCapacity } from "./local-start.ts";
import { createLostPushes } from "./lost-pushes.ts";
import { createOutbox } from "./outbox.ts";
import { createOutcomes } from "./outcomes.ts";
import { createPoll, type Poll } from "./poll.ts";
import { createPump } from "./pump.ts";
import { createQueuePlaces } from "./queue-places.ts";
import { createQueuePositions } from "./queue-positions.ts";
import { createSender } from "./sender.ts";
import { limitOf } from "./type-slots.ts";
import { toWorker, type Worker } from "./worker-handle.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { createWorkerState, isDrained, isQuiet, type WorkerState } from "./worker-state.ts";

export type { Worker } from "./worker-handle.ts";
export type { WorkerOptions } from "./worker-options.ts";

/** A handler's own transaction holds its lease: its outcomes are sent again after this time. */
const HELD_MS = 100;

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

/** Only jobs of which this process may run any number are pushed to it. */
const pushableTypes = ({ handlers }: WorkerOptions): readonly string[] =>
  [...handlers].flatMap(([type, { definition }]) => (limitOf(definition) === Infinity ? [type] : []));

/** Takes nothing more: what waits in this process is released, what runs goes on. */
const closing =
  (
    state: WorkerState,
    parts: {
      readonly poll: Pick<Poll, "stop">;
      readonly leases: Pick<WorkerLeases, "close">;
      readonly housekeeping: Pick<Housekeeper, "stop">;
      readonly pump: () => void;
    },
  ) =>
  (): void => {
    state.accepting = false;
    parts.poll.stop();
    parts.housekeeping.stop();
    parts.leases.close();
    parts.pump();
  };

/** @param call - what a statement is sent with; `settleAndTake` unless given */
export const wireWorker = (deps: Deps, options: WorkerOptions, call?: typeof settleAndTake): WiredWorker => {
  const { handlers, invocation } = options;
  const id = uuidV7();
  const address = createPushAddress();
  const types = pushableTypes(options);
  const state = createWorkerState(options, canOffer(options, types));
  const drained = Promise.withResolvers<void>();
  const outbox = createOutbox(state);
  const places = createQueuePlaces(options.places ?? new Map(), state, () => queues.recount());
  const queues = createQueuePositions(state, deps, options.queues, places);
  const sender = createSender(deps, call);

  const { pump, pumpSoon, later } = createPump(deps, state, {
    before: () => offer.check(),
    send: (statement) => exchange(deps, state, parts, statement),
    after: () => {
      stopper.check();
      if (isDrained(state)) drained.resolve();
    },
  });
  const slots = createLocalSlots(state, deps.time, {
    handlers,
    queues,
    start: (begun) => leases.start(begun.filter((lease) => !lostPushes.tookUp(lease.id))),
    pump,
  });
  const localStart = createLocalStart(deps, id, invocation, slots);
  const onEnd = (leaseId: string, ended: Ended, unblocked: boolean): void => {
    outbox.add(leaseId, ended);
    if (unblocked) queues.markDue(leases.queueOf(leaseId));
    pumpSoon();
  };
  const leases = createWorkerLeases({ ...deps, localStart }, state, handlers, id, onEnd, places);
  const offering = { id, address, invocation, queues: offeredQueues(options), types };
  const offer = createCapacityOffer(deps, state, offering, leases);
  const lostPushes = createLostPushes(deps, state, { id, invocation }, { leases, offer, pump });
  const poll = createPoll(state, deps, (due) => {
    state.pollDue = true;
    if (due) {
      queues.markDue();
      const next = queues.expectedInSeconds();
      if (next !== null) poll.due(next);
    }
    pump();
  });
  const housekeeping = startHousekeeping(deps, options, {
    onQueues: (names, found) => {
      state.queuesKnown = true;
      queues.set(names);
      queues.found(found);
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
  const close = closing(state, { poll, housekeeping, leases, pump });
  const crash = createCrash(deps, leases, close);
  const receivers = { leases, outcomes, offer, lostPushes, poll, housekeeping, later };
  const parts: ExchangeParts = { worker: id, invocation, outbox, sender, queues, places, ...receivers };
  const stopper = stopGracefully(deps, {
    quiet: () => isQuiet(state),
    busy: () => state.busyJobs,
    close,
    abort: crash.abort,
    giveUp: sender.giveUp,
  });

  const reached = { id, address, state, queues, offer, lostPushes, poll, housekeeping, pump, pumpSoon, localStart };
  const ends = { crashed: crash.crashed, stop: stopper.stop, drained: drained.promise, settled: outcomes.settled };
  const worker = toWorker(deps, options, { ...reached, ...ends, leases });
  return { worker, state, slots };
};
