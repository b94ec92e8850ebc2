import { offerRoom, type Room } from "../db/worker-room.ts";
import type { Deps } from "./deps.ts";

/** An offer outlasts the pause between two looks of an idle worker. */
const OFFER_MS = 8_000;
/** One that ends sooner is renewed by a statement that is sent anyway. */
const RENEW_MS = 4_000;
/** A worker that is full for so long takes its offer back by a statement of its own, and offers nothing for a while. */
const FULL_MS = 50;
const CLOSED_MS = 1_000;
/** A worker of fewer jobs at once is full after each. */
const LEAST_CONCURRENCY = 4;

/** What a worker that listens tells who enqueues of its room: see docs/adr/0018. */
export interface RoomOffers {
  /** Whether notifications arrive. */
  listens(works: boolean): void;
  /** A statement that is sent anyway should say it. */
  isDue(): boolean;
  /** What this statement says; null: nothing. */
  next(): Room | null;
  /** The number of jobs here has changed. */
  check(): void;
  /** More was handed over than there is room for. */
  refused(): void;
}

export const createRoomOffers = (
  deps: Deps,
  worker: {
    readonly id: string;
    readonly invocation: string;
    readonly concurrency: number;
    readonly queues: readonly string[] | null;
    readonly types: readonly string[];
  },
  hasRoom: () => boolean,
): RoomOffers => {
  let listening = false;
  let untilMs = -Infinity;
  let closedUntilMs = -Infinity;
  let checking = false;
  let withdrawing = false;
  const now = (): number => deps.time.elapsedMs();
  const offers = (): boolean =>
    listening &&
    worker.concurrency >= LEAST_CONCURRENCY &&
    worker.types.length > 0 &&
    now() >= closedUntilMs &&
    hasRoom();

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

  return {
    listens: (works) => {
      listening = works;
      untilMs = -Infinity;
    },
    isDue: () => untilMs - now() < RENEW_MS && offers(),
    next: () => {
      if (!offers()) return null;
      untilMs = now() + OFFER_MS;
      return { queues: worker.queues, types: worker.types, seconds: OFFER_MS / 1000 };
    },
    check: () => {
      if (checking || untilMs <= now() || hasRoom()) return;
      checking = true;
      deps.time.after(FULL_MS, () => {
        checking = false;
        if (untilMs > now() && !hasRoom()) withdraw();
      });
    },
    refused: withdraw,
  };
};
