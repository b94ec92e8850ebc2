import { probeText } from "../../db/protocol/push.ts";
import type { Time } from "../time.ts";
import type { WorkerState } from "./worker-state.ts";

/** A probe arrives in the moment in which its statement is answered, on another connection. */
const PROBE_MS = 2_000;
/** What has arrived while this process was busy is read before this has passed. */
const TURN_MS = 100;

/**
 * The proof that notifications arrive: each offer of capacity carries a probe to the worker's own channel, and the next offer waits
 * until it has arrived. So a worker whose connection is silent is pushed nothing more, and costs no statement while all is well.
 */
export interface ListeningProof {
  /** The probe of an offer that is made now. */
  next(): string;
  /** The statement with the offer was answered; a probe that was not sent proves nothing, and is not waited for. */
  readonly answered: (sent: boolean) => void;
  readonly arrived: (probe: string) => void;
  /** Another connection listens, or none. */
  reset(): void;
}

/** @param onSilence - called when a probe has not arrived. It keeps the state's `awaitsProbe` and `probesLost`. */
export const createListeningProof = (state: WorkerState, time: Time, onSilence: () => void): ListeningProof => {
  let made = 0;
  let awaited: string | null = null;
  const set = (probe: string | null): void => {
    awaited = probe;
    state.awaitsProbe = probe !== null;
  };
  const lost = (): void => {
    set(null);
    state.probesLost += 1;
    onSilence();
  };
  return {
    next: () => {
      made += 1;
      const probe = probeText(made);
      set(probe);
      return probe;
    },
    answered: (sent) => {
      if (!sent) set(null);
      const probe = awaited;
      if (probe === null) return;
      time.after(PROBE_MS, () => {
        if (awaited !== probe) return;
        time.after(TURN_MS, () => {
          if (awaited === probe) lost();
        });
      });
    },
    arrived: (probe) => {
      if (probe === awaited) set(null);
    },
    reset: () => set(null),
  };
};
