import type { LeasedJob } from "../../db/protocol/leased-job.ts";
import { type LeaseHolder, type Ended, settle, type Settled, type SettledState } from "../../db/protocol/settle.ts";
import type { Deps } from "../deps.ts";
import { noteSettled } from "../run/record-outcome.ts";
import { createSettling, type Settles } from "../run/settling.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

const FLUSH_AFTER_MS = 1_000;
/** Short against what an invocation keeps for its last outcomes. */
const LONGEST_PAUSE_SECONDS = 1;

export interface Settler {
  /** Writes an outcome within about a second, together with others. */
  add(ended: Ended): void;
  /** Writes what is left. @throws when the database stayed away until `givesUp` */
  finish(): Promise<void>;
  readonly states: ReadonlyMap<string, SettledState>;
}

/** The lease whose outcomes a settler gathers. */
interface SettledLease {
  readonly holder: LeaseHolder;
  readonly queue: string;
  readonly jobs: readonly LeasedJob[];
}

/** Records what the database answered: each job's state, its log line and metric, and the wake of whoever goes on. */
const record = async (
  deps: Deps,
  { holder, queue, jobs }: SettledLease,
  states: Map<string, SettledState>,
  settles: Settles,
  answer: Settled,
): Promise<void> => {
  for (const one of settles.flatMap(({ ended }) => ended)) {
    const state = answer.jobs[one.id] ?? "lease_lost";
    states.set(one.id, state);
    const job = jobs.find(({ id }) => id === one.id);
    noteSettled(deps, holder.leaseId, job, one, state);
  }
  await wakeDispatcher(deps, answer.wakeSeconds, queue);
};

/**
 * Gathers the outcomes of one lease and settles them in few statements, so that a crash repeats at most about a second's worth of
 * finished jobs. An answer of `lease_lost` is logged: the outcome is another attempt's then.
 *
 * @param givesUp - true when there is no time left to try again
 */
export const createSettler = (deps: Deps, lease: SettledLease, givesUp: () => boolean): Settler => {
  const { holder, jobs } = lease;
  const settling = createSettling(deps, {
    givesUp,
    longestPauseSeconds: LONGEST_PAUSE_SECONDS,
    fields: { lease: holder.leaseId },
  });
  const states = new Map<string, SettledState>();
  const failures: unknown[] = [];
  let waiting: Ended[] = [];
  let cancelTimer: (() => void) | undefined;
  let flushing = Promise.resolve();

  const send = (settles: Settles): Promise<Settled> => {
    const ended = settles.flatMap((each) => each.ended);
    return settle(deps.db, holder, ended, deps.clock(), ended.length === jobs.length);
  };

  const write = async (ended: readonly Ended[]): Promise<void> => {
    const { answered, unwritten } = await settling([{ leaseId: holder.leaseId, ended }], send);
    for (const { settles, answer } of answered) await record(deps, lease, states, settles, answer);
    if (unwritten !== null) failures.push(unwritten.error);
  };

  const flush = (): Promise<void> => {
    cancelTimer?.();
    cancelTimer = undefined;
    const batch = waiting;
    waiting = [];
    if (batch.length > 0)
      flushing = flushing.then(() => write(batch)).catch((error: unknown) => void failures.push(error));
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
