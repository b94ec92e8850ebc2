import type { ForgeqError } from "../../core/errors.ts";
import type { LeasedJob, LeaseHolder } from "../../db/protocol/leases.ts";
import { type Ended, settle, type SettledState } from "../../db/protocol/settle.ts";
import type { Deps } from "../deps.ts";
import { isRefusal, noteSettled, refusedOutcome } from "../run/record-outcome.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

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
 * finished jobs. An answer of `lease_lost` is logged: the outcome is another attempt's then. An outcome that Postgres refuses
 * takes no other job with it, and ends its own as a retry.
 *
 * @param givesUp - true when there is no time left to try again
 */
export const createSettler = (
  deps: Deps,
  holder: LeaseHolder,
  queue: string,
  jobs: readonly LeasedJob[],
  givesUp: () => boolean,
): Settler => {
  const states = new Map<string, SettledState>();
  const failures: unknown[] = [];
  let waiting: Ended[] = [];
  let cancelTimer: (() => void) | undefined;
  let flushing = Promise.resolve();

  const settleOnce = async (ended: readonly Ended[]): Promise<void> => {
    const answer = await settle(deps.db, holder, ended, deps.clock(), ended.length === jobs.length);
    for (const one of ended) {
      const state = answer.jobs[one.id] ?? "lease_lost";
      states.set(one.id, state);
      noteSettled(
        deps,
        holder.leaseId,
        jobs.find(({ id }) => id === one.id),
        one,
        state,
      );
    }
    await wakeDispatcher(deps, answer.wakeSeconds, queue);
  };

  const send = async (ended: readonly Ended[]): Promise<void> => {
    for (;;) {
      try {
        return await settleOnce(ended);
      } catch (error) {
        if (isRefusal(error)) return sendApart(ended, error);
        if (givesUp()) throw error;
        deps.logger.warn("outcomes could not be written; trying again", {
          lease: holder.leaseId,
          reason: error instanceof Error ? error.message : String(error),
        });
        await deps.sleep(PAUSE_SECONDS);
      }
    }
  };

  /** One by one; the outcome that is refused alone becomes a retry that says why. */
  const sendApart = async (ended: readonly Ended[], refusal: ForgeqError): Promise<void> => {
    const [first, ...others] = ended;
    if (first === undefined) return;
    if (others.length > 0) {
      for (const each of ended) await send([each]);
      return;
    }
    deps.logger.error("an outcome can't be stored", { job: first.id, lease: holder.leaseId, code: refusal.code });
    const instead = refusedOutcome(first, refusal);
    if (instead === null) throw refusal;
    await send([instead]);
  };

  const flush = (): Promise<void> => {
    cancelTimer?.();
    cancelTimer = undefined;
    const batch = waiting;
    waiting = [];
    if (batch.length > 0)
      flushing = flushing.then(() => send(batch)).catch((error: unknown) => void failures.push(error));
    return flushing;
  };

  return {
    add: (ended) => {
      waiting.push(ended);
      cancelTimer ??= deps.time.after(FLUSH_AFTER_MS, () => void flush());
    },
    finish: async () => {
      await flush();
      if (failures.length > 0) throw failures[0];
    },
    states,
  };
};
