import type { ForgeqError } from "../../core/errors.ts";
import { stateOf, type SettledState } from "../../db/protocol/settle.ts";
import { settleAndTake, type SettleAndTake, type SettledAndTaken } from "../../db/protocol/take.ts";
import type { Deps } from "../deps.ts";
import { isRefusal, refusedOutcome } from "../run/record-outcome.ts";

const FIRST_PAUSE_SECONDS = 0.1;
const LONGEST_PAUSE_SECONDS = 5;

/** Sends a worker's statements, again and again while the database is away. */
export interface Sender {
  /** @throws when it gave up: whether the statement took effect is unknown */
  send(input: SettleAndTake): Promise<SettledAndTaken>;
  /** From now on a failure is final. */
  readonly giveUp: () => void;
}

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return error instanceof Error ? error.message + cause : String(error);
};

export const createSender = (deps: Deps): Sender => {
  const stopping = new AbortController();
  let away = false;

  const untilAnswered = async (input: SettleAndTake): Promise<SettledAndTaken> => {
    for (let tried = 0; ; tried += 1) {
      try {
        const found = await settleAndTake(deps.db, input);
        if (away) deps.logger.info("the database is back");
        away = false;
        return found;
      } catch (error) {
        if (isRefusal(error) || stopping.signal.aborted) throw error;
        if (!away) deps.logger.warn("the database is away: paused, and trying again", { reason: reasonOf(error) });
        away = true;
        const pause = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** tried);
        await deps.sleep(pause * (0.5 + deps.random() / 2), stopping.signal);
      }
    }
  };

  /** Outcome by outcome: the one that Postgres refuses alone becomes a retry that says why. */
  const sendApart = async (input: SettleAndTake, refusal: ForgeqError): Promise<SettledAndTaken> => {
    const settled: Record<string, Record<string, SettledState | "busy">> = {};
    let wakeSeconds: number | null = null;
    for (const { leaseId, ended } of input.settles) {
      for (const one of ended) {
        const alone = { ...input, settles: [{ leaseId, ended: [one] }], takes: [] };
        const found = await untilAnswered(alone).catch(async (error: unknown) => {
          const instead = isRefusal(error) ? refusedOutcome(one, error) : null;
          if (instead === null) throw error;
          deps.logger.error("an outcome can't be stored", { job: one.id, lease: leaseId, code: refusal.code });
          return untilAnswered({ ...alone, settles: [{ leaseId, ended: [instead] }] });
        });
        (settled[leaseId] ??= {})[one.id] = stateOf(found.settled[leaseId], one.id);
        if (found.wakeSeconds !== null) wakeSeconds = Math.min(wakeSeconds ?? Infinity, found.wakeSeconds);
      }
    }
    return { settled, wakeSeconds, queues: [], leases: [], dueSeconds: null, serverMs: 0, housekeeping: null };
  };

  return {
    send: (input) =>
      untilAnswered(input).catch((error: unknown) => {
        if (isRefusal(error) && input.settles.length > 0) return sendApart(input, error);
        throw error;
      }),
    giveUp: () => stopping.abort(),
  };
};
