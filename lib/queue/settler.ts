import { type Ended, type LeaseHolder, settle, type SettledState } from "../db/leases.ts";
import type { Deps } from "./deps.ts";
import { wakeDispatcher } from "./wake.ts";

const FLUSH_AFTER_MS = 1_000;
const PAUSE_SECONDS = 1;

export interface Settler {
  /** Writes an outcome within about a second, together with others. */
  add(ended: Ended): void;
  /** Writes what is left. @throws when the database stayed away until `givesUp` */
  finish(): Promise<void>;
  readonly states: ReadonlyMap<string, SettledState>;
}

/**
 * Gathers the outcomes of one lease and settles them in few statements, so that a crash repeats at most about a second's worth of
 * finished jobs. An answer of `lease_lost` is logged: the outcome is another attempt's then.
 *
 * @param givesUp - true when there is no time left to try again
 */
export const createSettler = (deps: Deps, holder: LeaseHolder, queue: string, givesUp: () => boolean): Settler => {
  const states = new Map<string, SettledState>();
  let waiting: Ended[] = [];
  let cancelTimer: (() => void) | undefined;
  let flushing = Promise.resolve();

  const send = async (ended: readonly Ended[]): Promise<void> => {
    for (;;) {
      try {
        const answer = await settle(deps.db, holder, ended, deps.clock());
        for (const [id, state] of Object.entries(answer.jobs)) {
          states.set(id, state);
          if (state === "lease_lost")
            deps.logger.warn("an outcome was refused: the lease is lost", { job: id, lease: holder.leaseId });
          else deps.metrics.count(`Jobs${METRIC[state]}`, 1, { queue });
        }
        await wakeDispatcher(deps, answer.wakeSeconds, queue);
        return;
      } catch (error) {
        if (givesUp()) throw error;
        deps.logger.warn("outcomes could not be written; trying again", {
          lease: holder.leaseId,
          reason: String(error),
        });
        await deps.sleep(PAUSE_SECONDS);
      }
    }
  };
  const flush = (): Promise<void> => {
    cancelTimer?.();
    cancelTimer = undefined;
    const batch = waiting;
    waiting = [];
    if (batch.length > 0) flushing = flushing.then(() => send(batch));
    return flushing;
  };

  return {
    add: (ended) => {
      waiting.push(ended);
      // A failure here is seen again by finish().
      cancelTimer ??= deps.time.after(FLUSH_AFTER_MS, () => void flush().catch(() => undefined));
    },
    finish: flush,
    states,
  };
};

const METRIC: Record<Exclude<SettledState, "lease_lost">, string> = {
  completed: "Completed",
  dead: "Dead",
  cancelled: "Cancelled",
  scheduled: "Retried",
  pending: "Released",
};
