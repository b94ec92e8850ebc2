import { queueNames } from "../../db/reads/queues.ts";
import type { Beside } from "../../db/protocol/take.ts";
import type { Deps } from "../deps.ts";
import { recoverLeases } from "../schedule/recover-leases.ts";

const RECOVER_EVERY_MS = 15_000;
const REFRESH_EVERY_MS = 30_000;
const SOONEST_MS = 1_000;

/**
 * What a worker does beside its jobs: takes back expired leases, so that it needs no server, and learns of new queues. By statements of its
 * own only while no look says what there is to do.
 */
export interface Chores {
  /** What a look found beside jobs. */
  told(beside: Beside): void;
  /** Asks for the queues again, once a second at most. */
  refresh(): void;
  stop(): void;
}

export const startChores = (
  deps: Deps,
  fixedQueues: readonly string[] | null,
  on: {
    readonly onQueues: (names: readonly string[]) => void;
    readonly onRecovered: (wakeSeconds: number) => void;
  },
): Chores => {
  let stopped = false;
  let refreshedAtMs = -Infinity;
  /** Somebody told of a queue that this process does not know. */
  let asked = false;
  const cancels = { recover: (): void => undefined, refresh: (): void => undefined };

  /**
   * Runs a chore again and again, next in `nextMs`; a database that is away costs a turn, because the worker's statements say so already.
   */
  const every = (name: keyof typeof cancels, ms: number, run: () => Promise<void>, nextMs = ms): void => {
    cancels[name]();
    if (stopped) return;
    cancels[name] = deps.time.after(nextMs * (1 + deps.random() / 5), () => {
      void run()
        .catch(() => undefined)
        .finally(() => every(name, ms, run));
    });
  };

  const recoverExpired = async (): Promise<void> => {
    await recoverLeases(
      deps,
      () => !stopped,
      (wakeSeconds) => {
        if (wakeSeconds !== null) on.onRecovered(wakeSeconds);
      },
    );
  };

  const refreshQueues = async (): Promise<void> => {
    refreshedAtMs = deps.time.elapsedMs();
    asked = false;
    const names = await queueNames(deps.db);
    if (!stopped) on.onQueues(names);
  };

  /** The first time until it works: without queues a worker has nothing to look at. */
  const learnQueues = async (): Promise<void> => {
    for (let tried = 0; !stopped; tried += 1) {
      try {
        return await refreshQueues();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (tried === 0) deps.logger.warn("the queues could not be read; trying again", { reason });
        await deps.sleep(Math.min(5, 0.2 * 2 ** tried));
      }
    }
  };

  every("recover", RECOVER_EVERY_MS, recoverExpired);
  if (fixedQueues === null) void learnQueues().then(() => every("refresh", REFRESH_EVERY_MS, refreshQueues));
  // In a turn of its own: the caller is not complete yet.
  else setImmediate(() => on.onQueues(fixedQueues));

  return {
    told: ({ leaseSeconds, queues }) => {
      const expiresMs = Math.max(0, (leaseSeconds ?? Infinity) * 1000);
      every("recover", RECOVER_EVERY_MS, recoverExpired, Math.min(RECOVER_EVERY_MS, expiresMs));
      if (fixedQueues !== null) return;
      if (!asked) every("refresh", REFRESH_EVERY_MS, refreshQueues);
      on.onQueues(queues);
    },
    refresh: () => {
      asked = true;
      const soonMs = Math.max(0, refreshedAtMs + SOONEST_MS - deps.time.elapsedMs());
      every("refresh", REFRESH_EVERY_MS, refreshQueues, soonMs);
    },
    stop: () => {
      stopped = true;
      cancels.recover();
      cancels.refresh();
    },
  };
};
