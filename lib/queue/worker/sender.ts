import { settleAndTake, type SettleAndTake, type SettledAndTaken } from "../../db/protocol/take.ts";
import type { Deps } from "../deps.ts";
import { createSettling, type Settlement } from "../run/settling.ts";

const LONGEST_PAUSE_SECONDS = 5;

/** Sends a worker's statements, again and again while the database is away. */
export interface Sender {
  /** Never throws: what could not be written is said in the answer. Whether it took effect is unknown then. */
  send(input: SettleAndTake): Promise<Settlement<SettledAndTaken>>;
  /** From now on a failure is final. */
  readonly giveUp: () => void;
}

export const createSender = (deps: Deps, call: typeof settleAndTake = settleAndTake): Sender => {
  const stopping = new AbortController();
  const settling = createSettling(deps, {
    givesUp: () => stopping.signal.aborted,
    longestPauseSeconds: LONGEST_PAUSE_SECONDS,
    signal: stopping.signal,
  });
  return {
    send: (input) => {
      const { housekeeping: _, ...bare } = input;
      return settling(input.settles, (settles, alone) =>
        call(deps.db, alone ? { ...bare, settles, takes: [], maxJobs: 0 } : input),
      );
    },
    giveUp: () => stopping.abort(),
  };
};
