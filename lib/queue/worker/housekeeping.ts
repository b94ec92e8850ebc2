import { type FindQueues, findQueues, type FoundQueues, type Housekeeping } from "../../db/protocol/take.ts";
import type { Deps } from "../deps.ts";
import { TAKE_QUEUES } from "./queue-positions.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { createTurns } from "./turns.ts";
import { recoverLeases } from "../schedule/recover-leases.ts";

const RECOVER_EVERY_MS = 15_000;
const REFRESH_EVERY_MS = 30_000;
const SOONEST_MS = 1_000;
const FIRST_PAUSE_SECONDS = 0.2;
const LONGEST_PAUSE_SECONDS = 5;

/**
 * What a worker attends to besides its jobs: it takes back expired leases and, in turns with other workers, ticks and fires schedules, so that it needs no
 * server; and it learns of new queues. Polls
 * say what there is to do; only where none does are there statements for it.
 */
export interface Housekeeper {
  /** What a poll asks for, of the queues; null: nothing, since they are few and fixed. */
  finds(): FindQueues | null;
  /** Whether a poll asks for the turn to tick. */
  readonly wantsTurn: boolean;
  /** What a poll found besides jobs. */
  found(housekeeping: Housekeeping): void;
  /** Asks for the queues again, once a second at most: a queue was announced that this process does not know. */
  refresh(): void;
  stop(): void;
}

interface State {
  readonly deps: Deps;
  readonly options: Pick<WorkerOptions, "handlers" | "queues" | "once" | "scheduler">;
  /** Told the names of all queues to take from, null for more than 64; and those that a look found due. */
  readonly onQueues: (names: readonly string[] | null, due: readonly string[]) => void;
  readonly onRecovered: (wakeSeconds: number) => void;
  /** Set by `stop`. */
  stopped: boolean;
  /** When the queues were last asked for: set by `refreshQueues`. */
  refreshedAtMs: number;
  /** Which look the queues are of that were last told: set by `tell`. */
  seen: string | null;
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
  // A worker that runs once can't wait for the next look of others.
  const found = await findQueues(deps.db, asks(state), state.options.once === true, deps.clock());
  if (!state.stopped) tell(state, found);
};

const asks = ({ options, seen }: State): FindQueues => ({ types: [...options.handlers.keys()], seen });

const tell = (state: State, { names, due = [], looked_at: seen }: FoundQueues): void => {
  const fixed = state.options.queues && new Set(state.options.queues);
  const own = (each: readonly string[]) => each.filter((name) => fixed?.has(name) ?? true);
  state.seen = seen ?? state.seen;
  state.onQueues(names === undefined ? null : own(names), own(due));
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

export const startHousekeeping = (
  deps: Deps,
  options: State["options"],
  on: Pick<State, "onQueues" | "onRecovered">,
): Housekeeper => {
  const state: State = {
    deps,
    options,
    ...on,
    seen: null,
    stopped: false,
    refreshedAtMs: -Infinity,
    asked: false,
    cancels: new Map(),
  };
  const fixed = options.queues !== null && options.queues.length <= TAKE_QUEUES ? options.queues : null;
  const turns = createTurns(deps);
  every(state, "recover");
  if (fixed === null) void learnQueues(state).then(() => every(state, "refresh"));
  // Deferred: the caller is still wiring itself up.
  else setImmediate(() => on.onQueues(fixed, []));

  return {
    wantsTurn: options.scheduler === true,
    finds: () => (fixed === null ? asks(state) : null),
    found: ({ leaseSeconds, queues, turn }) => {
      if (turn) turns.take(turn);
      const expiresMs = Math.max(0, (leaseSeconds ?? Infinity) * 1000);
      every(state, "recover", Math.min(RECOVER_EVERY_MS, expiresMs));
      if (queues === null) return;
      if (!state.asked) every(state, "refresh");
      tell(state, queues);
    },
    refresh: () => {
      state.asked = true;
      every(state, "refresh", Math.max(0, state.refreshedAtMs + SOONEST_MS - deps.time.elapsedMs()));
    },
    stop: () => {
      state.stopped = true;
      turns.stop();
      for (const cancel of state.cancels.values()) cancel();
    },
  };
};
