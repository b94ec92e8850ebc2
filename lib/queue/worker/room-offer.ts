import type { TakenLease } from "../../db/protocol/take.ts";
import { offerRoom, type Room } from "../../db/protocol/room-offer.ts";
import type { Deps } from "../deps.ts";

/** An offer outlasts the pause between two looks of an idle worker. */
const OFFER_MS = 8_000;
/** One that ends sooner is renewed by a statement that is sent anyway. */
const RENEW_MS = 4_000;
/** A worker that is full for so long takes its offer back by a statement of its own, and offers nothing for a while. */
const FULL_MS = 50;
const CLOSED_MS = 1_000;
/** A worker of fewer jobs at once is full after each. */
const LEAST_CONCURRENCY = 4;

/** What a worker that listens tells who enqueues of its room, and what is handed to it then: see docs/adr/0018. */
export interface WorkerRoom {
  /** Whether notifications arrive. */
  listens(works: boolean): void;
  /** A statement that is sent anyway should make an offer. */
  isDue(): boolean;
  /** The offer that this statement makes; null: none. */
  offer(): Room | null;
  /** Jobs that were begun for this worker. */
  take(lease: TakenLease): void;
  /** The number of jobs here has changed: starts what was handed over, and takes back an offer that does not hold any more. */
  check(): void;
  /** Leases that were handed over and have not started. */
  waiting(): number;
}

export const createWorkerRoom = (
  deps: Deps,
  worker: {
    readonly id: string;
    readonly invocation: string;
    readonly concurrency: number;
    readonly queues: readonly string[] | null;
    readonly types: readonly string[];
  },
  jobs: {
    /** There is room for as many again, and nothing waits that would be overtaken. */
    readonly isRoomy: () => boolean;
    /** Jobs that can start now. */
    readonly free: () => number;
    /** Slots are reserved for jobs that may not come. */
    readonly reserving: () => boolean;
    readonly start: (lease: TakenLease) => void;
    readonly refuse: (lease: TakenLease) => void;
  },
): WorkerRoom => {
  let listening = false;
  let untilMs = -Infinity;
  let closedUntilMs = -Infinity;
  let checking = false;
  let withdrawing = false;
  let handed: TakenLease[] = [];
  const now = (): number => deps.time.elapsedMs();
  const offers = (): boolean =>
    listening &&
    worker.concurrency >= LEAST_CONCURRENCY &&
    worker.types.length > 0 &&
    now() >= closedUntilMs &&
    jobs.isRoomy();

  const withdraw = (): void => {
    untilMs = -Infinity;
    closedUntilMs = now() + CLOSED_MS;
    if (withdrawing) return;
    withdrawing = true;
    const room = { queues: worker.queues, types: worker.types, seconds: 0 };
    void offerRoom(deps.db, { worker: worker.id, room, invocation: worker.invocation, at: deps.clock() })
      .catch(() => undefined)
      .finally(() => (withdrawing = false));
  };

  /** What there is no room for goes back, once none is reserved for others. */
  const startHanded = (): void => {
    const waiting = handed;
    handed = [];
    for (const lease of waiting) {
      if (lease.jobs.length <= jobs.free()) jobs.start(lease);
      else if (jobs.reserving()) handed.push(lease);
      else {
        jobs.refuse(lease);
        withdraw();
      }
    }
  };

  return {
    listens: (works) => {
      listening = works;
      untilMs = -Infinity;
    },
    isDue: () => untilMs - now() < RENEW_MS && offers(),
    offer: () => {
      if (!offers()) return null;
      untilMs = now() + OFFER_MS;
      return { queues: worker.queues, types: worker.types, seconds: OFFER_MS / 1000 };
    },
    take: (lease) => {
      handed.push(lease);
      startHanded();
    },
    check: () => {
      startHanded();
      if (checking || untilMs <= now() || jobs.isRoomy()) return;
      checking = true;
      deps.time.after(FULL_MS, () => {
        checking = false;
        if (untilMs > now() && !jobs.isRoomy()) withdraw();
      });
    },
    waiting: () => handed.length,
  };
};
