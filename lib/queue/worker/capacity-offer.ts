import type { TakenLease } from "../../db/protocol/take.ts";
import { type CapacityOffer, offerCapacity } from "../../db/protocol/capacity-offer.ts";
import type { Deps } from "../deps.ts";
import type { PushAddress } from "../../db/protocol/push-address.ts";
import { createListeningProof } from "./listening-proof.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { freeSlots, type WorkerState } from "./worker-state.ts";

/** An offer outlasts the pause between two polls of an idle worker. */
const OFFER_MS = 8_000;
/** One that ends sooner is renewed by a statement that is sent anyway. */
const RENEW_MS = 4_000;
/** So long after an offer has ended the last pushes have committed, or failed. */
const COMMIT_MS = 10_000;
/** A worker that is full for so long takes its offer back by a statement of its own, and offers nothing for a while. */
const FULL_MS = 50;
const CLOSED_MS = 1_000;
/** A worker of lower concurrency is full after each job. */
const LEAST_CONCURRENCY = 4;

/** The capacity that a listening worker advertises to producers, and the jobs that they push to it: see docs/adr/0018. */
export interface CapacityOffering {
  /** Whether notifications arrive. @param reopen - called when they are proved not to, after all */
  listens(works: boolean, reopen?: () => void): void;
  /** The offer that this statement makes; null: none. */
  offer(): CapacityOffer | null;
  /** The statement with the offer was answered; `probed`: its probe was sent. */
  answered(probed: boolean): void;
  /** A probe has arrived. */
  readonly probed: (probe: string) => void;
  /** A lease was begun for this worker by its producer: starts it, or keeps it while a slot that it needs is reserved. */
  push(lease: TakenLease): void;
  /** Whether this lease was pushed, and waits for a slot. */
  waits(leaseId: string): boolean;
  /** The slots have changed: starts or refuses the leases that wait, and takes back an offer that does not hold any more. */
  check(): void;
}

/** The worker that makes the offer. */
export interface OfferingWorker {
  readonly id: string;
  readonly address: PushAddress;
  readonly invocation: string;
  readonly queues: readonly string[] | null;
  /** Those that can be pushed: a process may run any number of their jobs. */
  readonly types: readonly string[];
}

/** The queues of which jobs are pushed to a worker: not those with places of their own, of which the producers know nothing. Null: all. */
export const offeredQueues = ({ queues, places }: Pick<WorkerOptions, "queues" | "places">): readonly string[] | null =>
  queues && queues.filter((queue) => places?.has(queue) !== true);

/** Whether a worker of these options ever makes an offer. */
export const canOffer = (options: WorkerOptions, types: readonly string[]): boolean =>
  options.once !== true &&
  options.concurrency >= LEAST_CONCURRENCY &&
  types.length > 0 &&
  offeredQueues(options)?.length !== 0;

/** There is capacity for as many jobs again, and nothing waits that pushed jobs would overtake. */
const hasCapacity = ({ accepting, busyJobs, concurrency, backlogQueues }: WorkerState): boolean =>
  accepting && busyJobs * 2 <= concurrency && backlogQueues === 0;

const offers = (state: WorkerState, nowMs: number): boolean =>
  state.listening &&
  !state.awaitsProbe &&
  state.offersCapacity &&
  nowMs >= state.offerClosedUntilMs &&
  hasCapacity(state);

/** A statement that is sent anyway should make an offer. */
export const isOfferDue = (state: WorkerState, nowMs: number): boolean =>
  state.offeredUntilMs - nowMs < RENEW_MS && offers(state, nowMs);

/** A poll is due, and pushes whose notification was lost may be found by it. */
export const findsPushes = ({ accepting, pollDue, pollsUntilMs }: WorkerState, nowMs: number): boolean =>
  accepting && pollDue && nowMs < pollsUntilMs;

export const createCapacityOffer = (
  deps: Deps,
  state: WorkerState,
  worker: OfferingWorker,
  leases: { readonly start: (leases: readonly TakenLease[]) => void; readonly refuse: (lease: TakenLease) => void },
): CapacityOffering => {
  const { id, address, invocation, queues, types } = worker;
  const nowMs = deps.time.elapsedMs;
  let waiting: TakenLease[] = [];
  let checking = false;
  let withdrawing = false;
  let reopen = (): void => undefined;

  const withdraw = (): void => {
    state.offeredUntilMs = -Infinity;
    state.offerClosedUntilMs = nowMs() + CLOSED_MS;
    if (withdrawing) return;
    withdrawing = true;
    void offerCapacity(deps.db, { worker: id, offer: { queues, types, seconds: 0 }, invocation, at: deps.clock() })
      .catch(() => undefined)
      .finally(() => (withdrawing = false));
  };

  const proof = createListeningProof(state, deps.time, () => {
    state.listening = false;
    withdraw();
    reopen();
  });

  /** What has no slot goes back, once no slot is reserved for jobs that may not come. */
  const startPushed = (): void => {
    const pushed = waiting;
    waiting = [];
    for (const lease of pushed) {
      if (lease.jobs.length <= freeSlots(state)) leases.start([lease]);
      else if (state.accepting && state.reservedJobs > 0) waiting.push(lease);
      else {
        leases.refuse(lease);
        withdraw();
      }
    }
    state.pushesWaiting = waiting.length;
  };

  return {
    listens: (works, onSilence = () => undefined) => {
      state.listening = works;
      state.offeredUntilMs = -Infinity;
      reopen = onSilence;
      proof.reset();
    },
    offer: () => {
      if (!offers(state, nowMs())) return null;
      state.offeredUntilMs = nowMs() + OFFER_MS;
      state.pollsUntilMs = state.offeredUntilMs + COMMIT_MS;
      const { channel } = address;
      return { queues, types, seconds: OFFER_MS / 1000, probe: proof.next(), channel, key: address.keyOf(nowMs()) };
    },
    answered: proof.answered,
    probed: proof.arrived,
    waits: (leaseId) => waiting.some(({ id: each }) => each === leaseId),
    push: (lease) => {
      waiting.push(lease);
      startPushed();
    },
    check: () => {
      if (waiting.length > 0) startPushed();
      if (checking || state.offeredUntilMs <= nowMs() || hasCapacity(state)) return;
      checking = true;
      deps.time.after(FULL_MS, () => {
        checking = false;
        if (state.offeredUntilMs > nowMs() && !hasCapacity(state)) withdraw();
      });
    },
  };
};
