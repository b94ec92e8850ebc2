/** Sorts the drivers' errors by what a caller can do about them. */

/** The SQLSTATE of an error of Postgres, undefined for anything else. */
export const sqlState = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !SYSTEM_CODES.has(code) ? code : undefined;
};

/** Codes of Node's that look like a SQLSTATE. */
const SYSTEM_CODES = new Set(["EPIPE", "EPERM", "EBUSY", "EFBIG", "EXDEV", "EROFS", "EMFILE"]);

/** A deadlock or a serialization failure: the same statement may succeed immediately. */
export const isTransient = (error: unknown): boolean => ["40P01", "40001"].includes(sqlState(error) ?? "");

/** No partition for this row yet: make it and send the call again. */
export const isMissingPartition = (error: unknown): boolean =>
  sqlState(error) === "23514" && error instanceof Error && error.message.startsWith("no partition of relation");

/** The statement was cancelled: by a cancel request, an operator, or `statement_timeout`. Nothing of it has happened. */
export const isCancelled = (error: unknown): boolean => sqlState(error) === "57014";

/** A lock was not free within `lock_timeout`. Nothing of the statement has happened. */
export const isLockTimeout = (error: unknown): boolean => sqlState(error) === "55P03";

/** A statement past its deadline. With a cause the server has ended it; without one it may still take effect. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";

  constructor(deadlineMs: number, options?: ErrorOptions) {
    super(`a statement took longer than ${deadlineMs / 1000} s`, options);
  }
}

/** A statement past its deadline, which the server does not run: its connection had died, and another one may be better. */
export class DeadConnectionError extends Error {
  override readonly name = "DeadConnectionError";

  constructor() {
    super("a connection did not answer, and was dropped");
  }
}

/** Whoever asked for a statement wants it no more, and it was not sent. */
export class UnwantedError extends Error {
  override readonly name = "UnwantedError";

  constructor() {
    super("a statement was not sent, because its caller has left");
  }
}

/** All connections of this process were in use for as long as a statement waits for one. That is pg's text. */
const isCrowded = (error: unknown): boolean =>
  error instanceof Error && error.message === "timeout exceeded when trying to connect";

/** Why a statement took too long, in words; null for any other failure. Sent again it would add to what is too much already. */
export const whyTooSlow = (error: unknown): string | null => {
  if (error instanceof DeadlineError) return error.message;
  if (isCancelled(error)) return "a statement was cancelled, or took longer than its role may";
  if (isLockTimeout(error)) return "a statement waited too long for a lock";
  if (isCrowded(error)) return "all connections of this process were in use for too long";
  return null;
};

/** After it a connection can be used for the next statement. */
export const leavesSound = (error: unknown): boolean =>
  error instanceof UnwantedError ||
  (error instanceof DeadlineError && error.cause !== undefined) ||
  (sqlState(error) !== undefined && !isUnavailable(error));

// Shutdown, start-up, too many connections, a read-only standby after a failover.
const UNAVAILABLE_STATES = new Set(["57P01", "57P02", "57P03", "57P05", "53300", "53400", "25006"]);

const SOCKET_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);

const MESSAGES =
  /connection terminated|connection ended|client has encountered a connection error|timeout expired|not queryable|fetch failed|error connecting to database|connection closed|error communicating with the server|couldn.t connect to compute node|server error \(http status (?:429|5\d\d)\)|websocket/i;

/** The database can't be reached, or not now. Whether the statement took effect is unknown. */
export const isUnavailable = (error: unknown): boolean => {
  if (error instanceof DeadConnectionError) return true;
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith("08") || UNAVAILABLE_STATES.has(state);
  for (
    let cause: unknown = error, depth = 0;
    cause instanceof Error && depth < 5;
    cause = cause.cause ?? sourceOf(cause), depth += 1
  ) {
    const { code } = cause as { code?: unknown };
    if (typeof code === "string" && SOCKET_CODES.has(code)) return true;
    if (cause.name === "AbortError" || MESSAGES.test(cause.message)) return true;
    if (cause instanceof AggregateError && cause.errors.some(isUnavailable)) return true;
  }
  return false;
};

/** Neon's errors keep the original there. */
const sourceOf = (error: Error): unknown => (error as { sourceError?: unknown }).sourceError;
