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

// Shutdown, start-up, too many connections, a read-only standby after a failover, a cancelled statement.
const UNAVAILABLE_STATES = new Set(["57P01", "57P02", "57P03", "57P05", "53300", "53400", "25006", "57014", "55P03"]);

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
  /connection terminated|connection ended|client has encountered a connection error|timeout exceeded when trying to connect|timeout expired|query read timeout|not queryable|fetch failed|error connecting to database|connection closed|error communicating with the server|couldn.t connect to compute node|server error \(http status (?:429|5\d\d)\)|websocket/i;

/** The database can't be reached, or not now. Whether the statement took effect is unknown. */
export const isUnavailable = (error: unknown): boolean => {
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith("08") || UNAVAILABLE_STATES.has(state);
  for (
    let cause: unknown = error, depth = 0;
    cause instanceof Error && depth < 5;
    cause = cause.cause ?? sourceOf(cause), depth += 1
  ) {
    const { code } = cause as { code?: unknown };
    if (typeof code === "string" && SOCKET_CODES.has(code)) return true;
    if (cause.name === "AbortError" || cause.name === "TimeoutError" || MESSAGES.test(cause.message)) return true;
    if (cause instanceof AggregateError && cause.errors.some(isUnavailable)) return true;
  }
  return false;
};

const TOO_SLOW = /query read timeout/i;

/** A statement was not answered before its deadline, or was cancelled at it: the database is there. */
export const isTooSlow = (error: unknown): boolean => {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1)
    if (sqlState(cause) === "57014" || TOO_SLOW.test(cause.message)) return true;
  return false;
};

/** Neon's errors keep the original there. */
const sourceOf = (error: Error): unknown => (error as { sourceError?: unknown }).sourceError;
