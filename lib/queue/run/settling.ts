import { ForgeqError } from "../../core/errors.ts";
import { reasonOf } from "../../core/reason.ts";
import type { Ended } from "../../db/protocol/settle.ts";
import type { SettleAndTake } from "../../db/protocol/take.ts";
import type { Deps } from "../deps.ts";
import { toAttemptError } from "./attempt.ts";

/** Outcomes by lease, as one call of the database carries them. */
export type Settles = SettleAndTake["settles"];

export interface SettlingOptions {
  /** True when a failure is final: asked after each one. */
  readonly givesUp: () => boolean;
  /** The pause between two tries starts at 0.1 s and doubles up to this. */
  readonly longestPauseSeconds: number;
  /** Ends a pause. */
  readonly signal?: AbortSignal;
  /** Added to each log line. */
  readonly fields?: Record<string, unknown>;
}

/** What became of outcomes. */
export interface Settlement<Answer> {
  /** Each answer of the database, and the outcomes that it is about as they were sent: a refused one has become a retry there. */
  readonly answered: readonly { readonly settles: Settles; readonly answer: Answer }[];
  /** What could not be written, and why: the leases expire, and their jobs are recovered. Null: everything was written. */
  readonly unwritten: { readonly settles: Settles; readonly error: unknown } | null;
}

/**
 * Sends outcomes until the database has answered.
 *
 * @param send - one call; `alone` says that it carries a single outcome, and that nothing else may ride along
 */
export type Settling = <Answer>(
  settles: Settles,
  send: (settles: Settles, alone: boolean) => Promise<Answer>,
) => Promise<Settlement<Answer>>;

const FIRST_PAUSE_SECONDS = 0.1;
const UNSTORABLE = "OutcomeRefused";

/** Postgres answered, and will answer the same again. */
const isRefusal = (error: unknown): error is ForgeqError =>
  error instanceof ForgeqError && error.code === "invalid_job";

/** Why no answer comes: the database can't be reached, or it answers and a statement takes longer than it may. */
const TROUBLES = {
  away: { warning: "the database is away: paused, and trying again", over: "the database is back" },
  slow: {
    warning: "a statement took too long: paused, and trying again",
    over: "statements are answered in time again",
  },
  refused: {
    warning: "a statement is refused: paused, and trying again",
    over: "statements are accepted again",
  },
} as const;

const troubleOf = (error: unknown): keyof typeof TROUBLES => {
  if (isRefusal(error)) return "refused";
  return error instanceof ForgeqError && error.code === "too_slow" ? "slow" : "away";
};

const inAscii = (text: string): string => text.replace(/[^\n\t\x20-\x7e]/gu, "?");

/**
 * What takes the place of an outcome that Postgres refuses, the next one where it refuses that, too. What the handler did stands: without its result,
 * or with an error in plain letters, which every database can write. Then a retry that says why.
 */
const insteadOf = (ended: Ended, refusal: ForgeqError): readonly Ended[] => {
  const { id, outcome, result = null, error } = ended;
  const retry: Ended = { id, outcome: "retry", error: { name: UNSTORABLE, message: toAttemptError(refusal).message } };
  if (outcome === "completed") return result === null ? [retry] : [{ id, outcome }, retry];
  if (error === undefined) return [retry];
  const { name, message, stack } = error;
  const plain = {
    name: inAscii(name),
    message: inAscii(message),
    ...(stack !== undefined && { stack: inAscii(stack) }),
  };
  return [{ ...ended, error: plain }, retry];
};

/**
 * How outcomes are written, on Lambda and by a worker: tried again while the database is away, and sent one by one where Postgres
 * refuses one of them, so that it takes no other job with it and ends its own as a retry. Calls may be under way concurrently.
 */
export const createSettling = (deps: Deps, options: SettlingOptions): Settling => {
  const { givesUp, longestPauseSeconds, signal, fields } = options;
  let trouble: keyof typeof TROUBLES | null = null;

  /** @param endsRefused - an outcome may be what is refused: then another one takes its place */
  const untilAnswered = async <Answer>(send: () => Promise<Answer>, endsRefused: boolean): Promise<Answer> => {
    for (let tried = 0; ; tried += 1) {
      try {
        const answer = await send();
        if (trouble !== null) deps.logger.info(TROUBLES[trouble].over, fields);
        trouble = null;
        return answer;
      } catch (error) {
        if ((endsRefused && isRefusal(error)) || givesUp()) throw error;
        const now = troubleOf(error);
        if (trouble !== now) deps.logger.warn(TROUBLES[now].warning, { ...fields, reason: reasonOf(error) });
        trouble = now;
        const pauseSeconds = Math.min(longestPauseSeconds, FIRST_PAUSE_SECONDS * 2 ** tried);
        await deps.sleep(pauseSeconds * (0.5 + deps.random() / 2), signal);
      }
    }
  };

  const settleOne = async <Answer>(
    leaseId: string,
    one: Ended,
    send: (settles: Settles, alone: boolean) => Promise<Answer>,
  ): Promise<{ readonly settles: Settles; readonly answer: Answer }> => {
    const attempt = async (ended: Ended) => {
      const settles = [{ leaseId, ended: [ended] }];
      return { settles, answer: await untilAnswered(() => send(settles, true), true) };
    };
    let ended = one;
    for (let refusals: readonly Ended[] | undefined; ;) {
      try {
        return await attempt(ended);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refusals ??= insteadOf(one, error);
        const [next, ...rest] = refusals;
        if (next === undefined) throw error;
        const said = next.outcome === "completed" ? "the result was not kept" : "an outcome can't be stored";
        deps.logger.error(said, { ...fields, job: one.id, lease: leaseId, code: error.code });
        ended = next;
        refusals = rest;
      }
    }
  };

  const settleApart: Settling = async (settles, send) => {
    const answered = [];
    const unwritten: { leaseId: string; ended: Ended[] }[] = [];
    let firstError: unknown = null;
    let gaveUp = false;
    for (const { leaseId, one } of settles.flatMap(({ leaseId, ended }) => ended.map((one) => ({ leaseId, one })))) {
      try {
        if (!gaveUp) {
          answered.push(await settleOne(leaseId, one, send));
          continue;
        }
      } catch (error) {
        firstError ??= error;
        gaveUp = !isRefusal(error);
      }
      unwritten.push({ leaseId, ended: [one] });
    }
    return { answered, unwritten: unwritten.length === 0 ? null : { settles: unwritten, error: firstError } };
  };

  return async (settles, send) => {
    try {
      const answer = await untilAnswered(() => send(settles, false), settles.length > 0);
      return { answered: [{ settles, answer }], unwritten: null };
    } catch (error) {
      if (isRefusal(error) && settles.length > 0) return settleApart(settles, send);
      return { answered: [], unwritten: { settles, error } };
    }
  };
};
