import { nextEvent } from "../../db/protocol/wake.ts";
import type { Turn } from "../../db/protocol/take.ts";
import { reasonOf } from "../../core/reason.ts";
import type { Deps } from "../deps.ts";
import { fireSchedules } from "../schedule/fire-schedules.ts";
import { quietTick } from "../schedule/quiet-tick.ts";

/** Who fires a slot stays with the next one that comes so soon. */
const SLOT_HORIZON_SECONDS = 7;

/** What this worker does for all workers of the database: a tick a minute, and the slots of schedules. */
export interface Turns {
  /** A look gave it the turn. */
  take(turn: Turn): void;
  stop(): void;
}

interface State {
  /** Set by `stop`. */
  stopped: boolean;
  /** A tick is under way: set and cleared by `run`. */
  ticking: boolean;
  /** Cancels the timer of the next slot: set by `expectSlot`. */
  cancelSlot: () => void;
}

const run = async (deps: Deps, what: string, work: () => Promise<unknown>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    // Another look gives the turn again.
    deps.logger.warn(`${what} failed; it is tried again`, { reason: reasonOf(error) });
  }
};

const fire = async (deps: Deps, state: State): Promise<void> => {
  await fireSchedules(deps, () => state.stopped);
  const { slotSeconds } = await nextEvent(deps.db, deps.clock(), false);
  if (slotSeconds !== null && slotSeconds > 0 && slotSeconds < SLOT_HORIZON_SECONDS)
    expectSlot(deps, state, slotSeconds);
};

const expectSlot = (deps: Deps, state: State, seconds: number): void => {
  state.cancelSlot();
  if (state.stopped) return;
  state.cancelSlot = deps.time.after(
    Math.max(0, Math.ceil(seconds * 1000)),
    () => void run(deps, "firing the schedules", () => fire(deps, state)),
  );
};

export const createTurns = (deps: Deps): Turns => {
  const state: State = { stopped: false, ticking: false, cancelSlot: () => undefined };
  return {
    take: ({ tick, slot_seconds: slotSeconds }) => {
      if (slotSeconds !== null) expectSlot(deps, state, slotSeconds);
      if (!tick || state.ticking || state.stopped) return;
      state.ticking = true;
      void run(deps, "the tick", () => quietTick(deps)).finally(() => (state.ticking = false));
    },
    stop: () => {
      state.stopped = true;
      state.cancelSlot();
    },
  };
};
