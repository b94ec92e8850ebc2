import { type Hint, notifyWorkers } from "../../db/protocol/listen.ts";
import type { Db } from "../../db/drivers/client.ts";
import type { Deps } from "../deps.ts";

/** Hints to workers: to those of this process immediately, to others by NOTIFY. */
export interface WorkerHints {
  readonly hintWorkers: NonNullable<Deps["hintWorkers"]>;
  /** Calls `take` with the hints given in this process, from now on. */
  subscribe(take: (seconds: number, queue: string | undefined) => void): void;
}

/**
 * @param db - hints leave the process only over pg: no worker listens over Neon's HTTP
 * @returns hints are merged while a NOTIFY is under way, so that a burst of enqueues sends few
 */
export const createWorkerHints = (db: Db): WorkerHints => {
  const subscribers: ((seconds: number, queue: string | undefined) => void)[] = [];
  const waiting = new Map<string | undefined, number>();
  let sending: Promise<void> | undefined;

  const send = async (): Promise<void> => {
    while (waiting.size > 0) {
      const hints: Hint[] = [...waiting].map(([queue, seconds]) => ({ seconds, queue }));
      waiting.clear();
      for (const hint of hints) await notifyWorkers(db, hint).catch(() => undefined);
    }
  };

  return {
    hintWorkers: async (seconds, queue, announced = false) => {
      for (const take of subscribers) take(seconds, queue);
      if (announced || db.driver !== "pg") return;
      waiting.set(queue, Math.min(seconds, waiting.get(queue) ?? Infinity));
      sending ??= send().finally(() => (sending = undefined));
      await sending;
    },
    subscribe: (take) => subscribers.push(take),
  };
};
