import type { Deps } from "../deps.ts";
import { plan, type Statement } from "./plan.ts";
import type { WorkerState } from "./worker-state.ts";

const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 5_000;

/** Sends what the plan says, until it says nothing. */
export interface Pump {
  /** Called after each change that may call for a statement. */
  readonly pump: () => void;
  /** The same in a turn of its own: what changes together is pumped once. */
  readonly pumpSoon: () => void;
  /** Runs something in `ms`, and pumps; the worker is not quiet until then. */
  readonly later: (ms: number, run: () => void) => void;
}

/**
 * @param on.before - called before a plan is made
 * @param on.send - sends a statement; it changes the state before it first waits
 * @param on.after - called when the plan says nothing more
 */
export const createPump = (
  deps: Deps,
  state: WorkerState,
  on: {
    readonly before: () => void;
    readonly send: (statement: Statement) => Promise<void>;
    readonly after: () => void;
  },
): Pump => {
  let soon = false;
  /** Answers in a row that could not be used. */
  let failures = 0;
  let resting = false;

  const send = async (statement: Statement): Promise<void> => {
    try {
      await on.send(statement);
      failures = 0;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      deps.logger.error("a statement's answer could not be used", { reason });
      rest();
    }
    pump();
  };

  const later = (ms: number, run: () => void): void => {
    state.waits += 1;
    deps.time.after(ms, () => {
      state.waits -= 1;
      run();
      pump();
    });
  };

  /** The same statement would fail again. */
  const rest = (): void => {
    if (!resting) later(Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** failures), () => (resting = false));
    resting = true;
    failures += 1;
  };

  const pump = (): void => {
    on.before();
    while (!resting) {
      const statement = plan(state, deps.time.elapsedMs());
      if (statement === null) break;
      void send(statement);
    }
    on.after();
  };

  return {
    pump,
    pumpSoon: () => {
      if (soon) return;
      soon = true;
      setImmediate(() => {
        soon = false;
        pump();
      });
    },
    later,
  };
};
