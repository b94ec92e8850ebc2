import { queueNames } from "../../db/reads/queues.ts";
import type { Housekeeping } from "../../db/protocol/take.ts";
import type { Deps } from "../deps.ts";
import { recoverLeases } from "../schedule/recover-leases.ts";

const RECOVER_EVERY_MS = 15_000;
const REFRESH_EVERY_MS = 30_000;
const SOONEST_MS = 1_000;
const FIRST_PAUSE_SECONDS = 0.2;
const LONGEST_PAUSE_SECONDS = 5;

/**
 * What a worker attends to besides its jobs: it takes back expired leases, so that it needs no server, and learns of new queues. Polls
 * say what there is to do; only where none does are there statements for it.
 */
export interface Housekeeper {
  /** What a poll found besides jobs. */
  found(housekeeping: Housekeeping): void;
  /** Asks for the queues again, once a second at most: a queue was announced that this process does not know. */
  refresh(): void;
  stop(): void;
}

interface State {
  readonly deps: Deps;
  readonly onQueues: (names: readonly string[]) => void;
  readonly onRecovered: (wakeSeconds: number) => void;
  /** Set by `stop`. */
  stopped: boolean;
  /** When the queues were last asked for: set by `refreshQueues`. */
  refreshedAtMs: number;
  /** A refresh was asked for: set by `refresh`, cleared when it begins. */
  asked: boolean;
  /** Cancels the next run of each task: set by `every`. */
  readonly cancels: Map<Task, () => void>;
}

type Task = "recover" | "refresh";

const TASKS: Record<Task, { readonly everyMs: number; readonly run: (state: State) => Promise<void> }> = {
  recover: {
    everyMs: RECOVER_EVERY_MS,
    run: async (state) => {
      await recoverLeases(
        state.deps,
        () => !state.stopped,
        (wakeSeconds) => {
          if (wakeSeconds !== null) state.onRecovered(wakeSeconds);
        },
      );
    },
  },
  refresh: { everyMs: REFRESH_EVERY_MS, run: (state) => refreshQueues(state) },
};

const refreshQueues = async (state: State): Promise<void> => {
  const { deps } = state;
  state.refreshedAtMs = deps.time.elapsedMs();
  state.asked = false;
  const names = await queueNames(deps.db);
  if (!state.stopped) state.onQueues(names);
};

/** Runs a task again and again, next in `nextMs`; a database that is away costs a turn, because the worker's statements say so already. */
const every = (state: State, task: Task, nextMs = TASKS[task].everyMs): void => {
  const { deps, cancels } = state;
  cancels.get(task)?.();
  if (state.stopped) return;
  const run = () =>
    void TASKS[task]
      .run(state)
      .catch(() => undefined)
      .finally(() => every(state, task));
  cancels.set(task, deps.time.after(nextMs * (1 + deps.random() / 5), run));
};

/** The first time until it works: without queues there is nothing to take from. */
const learnQueues = async (state: State): Promise<void> => {
  for (let tried = 0; !state.stopped; tried += 1) {
    try {
      return await refreshQueues(state);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (tried === 0) state.deps.logger.warn("the queues could not be read; trying again", { reason });
      await state.deps.sleep(Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** tried));
    }
  }
};

/** @param fixedQueues - null: all of the database */
export const startHousekeeping = (
  deps: Deps,
  fixedQueues: readonly string[] | null,
  on: Pick<State, "onQueues" | "onRecovered">,
): Housekeeper => {
  const state: State = {
    deps,
    ...on,
    stopped: false,
    refreshedAtMs: -Infinity,
    asked: false,
    cancels: new Map(),
  };
  every(state, "recover");
  if (fixedQueues === null) void learnQueues(state).then(() => every(state, "refresh"));
  // Deferred: the caller is still wiring itself up.
  else setImmediate(() => on.onQueues(fixedQueues));

  return {
    found: ({ leaseSeconds, queues }) => {
      const expiresMs = Math.max(0, (leaseSeconds ?? Infinity) * 1000);
      every(state, "recover", Math.min(RECOVER_EVERY_MS, expiresMs));
      if (fixedQueues !== null) return;
      if (!state.asked) every(state, "refresh");
      on.onQueues(queues);
    },
    refresh: () => {
      state.asked = true;
      every(state, "refresh", Math.max(0, state.refreshedAtMs + SOONEST_MS - deps.time.elapsedMs()));
    },
    stop: () => {
      state.stopped = true;
      for (const cancel of state.cancels.values()) cancel();
    },
  };
};
