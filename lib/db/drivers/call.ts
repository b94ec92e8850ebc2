import { ForgeqError } from "../../core/errors.ts";
import type { Db, QueryOptions, Sql } from "./client.ts";
import {
  isExhausted,
  isLockTimeout,
  isMissingPartition,
  isTransient,
  isUnavailable,
  sqlState,
  UnwantedError,
  whyTooSlow,
} from "./failure.ts";
import { connectionFault } from "./connection-fault.ts";
import { isOver } from "./invocation-limit.ts";
import { ensurePartitions } from "./partitions.ts";
import { causesOf, isError, messageOf } from "../../core/reason.ts";

const ATTEMPTS = 5;
const FIRST_DELAY_MS = 25;
const LONGEST_DELAY_MS = 1_000;
/** No try begins later than this after the first. */
const AGAIN_WITHIN_MS = 8_000;
/** A lock that was waited for longer was not meant to be tried for. */
const LOCK_AGAIN_WITHIN_MS = 1_000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const CODES = {
  FQ001: "unknown_type",
  FQ002: "queue_full",
  FQ003: "invalid_job",
  FQ004: "id_conflict",
  FQ005: "unique_key_conflict",
  FQ006: "unknown_queue",
  FQ007: "id_version",
  FQ008: "payload_too_large",
  FQ009: "invalid_job",
} as const;

const detailsOf = (error: unknown): Record<string, unknown> => {
  const detail = (error as { detail?: unknown }).detail;
  try {
    if (typeof detail !== "string") return {};
    const { holder_id: holderId, ...details } = JSON.parse(detail) as Record<string, unknown>;
    return holderId === undefined ? details : { ...details, holderId };
  } catch {
    return {};
  }
};

/** The driver's error as ForgeQ's: a code by SQLSTATE, the item that the database blames, and the original as cause. */
export const toForgeqError = (error: unknown): unknown => {
  if (error instanceof ForgeqError) return error;
  const state = sqlState(error) ?? "";
  const message = messageOf(error);
  if (state in CODES) {
    const retry = state === "FQ002" ? { retryAfterSeconds: 5 } : {};
    return new ForgeqError(
      CODES[state as keyof typeof CODES],
      message,
      { ...detailsOf(error), ...retry },
      { cause: error },
    );
  }
  if (error instanceof UnwantedError) return new ForgeqError("busy", message, {}, { cause: error });
  const why = whyTooSlow(error);
  if (why !== null) return new ForgeqError("too_slow", why, { retryAfterSeconds: 5 }, { cause: error });
  const fault = connectionFault(error);
  if (fault !== null) {
    const { message, reason, retryAfterSeconds } = fault;
    return new ForgeqError("database_unavailable", message, { reason, retryAfterSeconds }, { cause: error });
  }
  if (isUnavailable(error) || isTransient(error)) {
    return new ForgeqError(
      "database_unavailable",
      "the database can't be reached",
      { retryAfterSeconds: 2 },
      { cause: error },
    );
  }
  if (isExhausted(error)) {
    const message = "the database has run out of disk or memory";
    return new ForgeqError("database_unavailable", message, { retryAfterSeconds: 30 }, { cause: error });
  }
  if (state === "3F000" || state === "42P01" || state === "42883") {
    return new ForgeqError(
      "schema_outdated",
      "the database is not migrated: run forgeq migrate",
      { retryAfterSeconds: 30 },
      { cause: error },
    );
  }
  // Class 22, data exceptions, and 23502, 23514: a value that the schema refuses.
  if (state.startsWith("22") || state === "23502" || state === "23514") {
    return new ForgeqError("invalid_job", "Postgres refuses a value of this job", {}, { cause: error });
  }
  return error;
};

/** How long after the first try a call may be sent again. What was too slow is not: it would be too slow again, beside the first. */
export const againWithinMs = (error: unknown): number => {
  if (isLockTimeout(error)) return LOCK_AGAIN_WITHIN_MS;
  return isTransient(error) || isUnavailable(error) || isMissingPartition(error) ? AGAIN_WITHIN_MS : 0;
};

/** Where no connection is left, one is free as soon as somebody else has done his work: it is waited for as long as there is time. */
const triesOf = (error: unknown): number =>
  connectionFault(error)?.reason === "no_connection_left" ? Infinity : ATTEMPTS;

/** Runs what may be run again, as often as `callAgain` says. `tried` counts from 0. */
export const again = async <Result>(db: Db, run: (tried: number) => Promise<Result>): Promise<Result> => {
  const startedAtMs = performance.now();
  for (let tried = 0; ; tried += 1) {
    try {
      return await run(tried);
    } catch (error) {
      const more = !isOver() && performance.now() - startedAtMs < againWithinMs(error);
      if (!more || tried + 1 >= triesOf(error)) throw toForgeqError(error);
      if (isMissingPartition(error)) await ensurePartitions(db).catch(() => undefined);
      await sleep(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** tried) * (0.5 + Math.random()));
    }
  }
};

/**
 * Runs one statement that may be sent again, because the protocol answers a repeated call as it did the first one.
 * Deadlocks, lost connections and a missing partition are retried, with a growing and jittered delay, about 0.8 s in all; where the
 * database has no connection left, for 8 s.
 *
 * @param params - gets the number of the try, from 0, so that a call can say that it was sent before
 * @throws {ForgeqError} `database_unavailable` - the call may or may not have happened; sending it again settles that. `too_slow` - so
 * too, or Postgres has ended it
 */
export const callAgain = <Row>(
  db: Db,
  text: string,
  params: (tried: number) => readonly unknown[],
  options?: QueryOptions,
): Promise<Row[]> => again(db, (tried) => db.query<Row>(text, params(tried), options));

/** One statement of the protocol, sent again when it has to be. See `callAgain`. */
export const call = <Row>(db: Db, text: string, params: readonly unknown[]): Promise<Row[]> =>
  callAgain<Row>(db, text, () => params);

/** The error with a SQLSTATE, where a caller's library has put it into one of its own. */
const driversError = (error: unknown): unknown => {
  if (sqlState(error) !== undefined || !isError(error)) return error;
  return causesOf(error).find((cause) => sqlState(cause) !== undefined) ?? error;
};

/** One statement inside a caller's transaction: never repeated, because only the caller can repeat the transaction. */
export const callIn = async <Row>(tx: Sql, text: string, params: readonly unknown[]): Promise<Row[]> => {
  try {
    return await tx.query<Row>(text, params);
  } catch (error) {
    throw toForgeqError(driversError(error));
  }
};

/** A conflict with another transaction, or a state of this one that no statement of it can change: who repeats transactions looks for these. */
const isForCaller = (error: unknown): boolean => isTransient(error) || sqlState(error)?.startsWith("25") === true;

/**
 * The same in a transaction that is not ForgeQ's own: conflicts (40001, 40P01) and states of the transaction (25xxx) stay the errors that they are, so that
 * what repeats the caller's transactions knows them.
 */
export const callForCaller = async <Row>(tx: Sql, text: string, params: readonly unknown[]): Promise<Row[]> => {
  try {
    return await tx.query<Row>(text, params);
  } catch (error) {
    throw isForCaller(error) ? error : toForgeqError(error);
  }
};

/** The only row of a statement that always gives one. */
export const only = <Row>(rows: readonly Row[]): Row => {
  const [row] = rows;
  if (row === undefined) throw new ForgeqError("internal", "a statement gave no row");
  return row;
};
