/** Every code that ForgeQ puts on an error. Stable: clients may switch on them. */
export const ERROR_CODES = [
  "busy",
  "chain_too_deep",
  "database_unavailable",
  "declared_in_code",
  "forbidden",
  "headers_too_large",
  "id_conflict",
  "id_version",
  "idempotency_key_in_use",
  "idempotency_key_reused",
  "illegal_state",
  "internal",
  "invalid_body",
  "invalid_job",
  "invalid_payload",
  "invalid_query",
  "invalid_queue",
  "invalid_schedule",
  "lease_lost",
  "malformed_json",
  "malformed_request",
  "no_secret",
  "not_found",
  "payload_gone",
  "payload_too_large",
  "queue_declared",
  "queue_full",
  "queue_not_empty",
  "rate_limited",
  "request_timeout",
  "schedule_exists",
  "schema_outdated",
  "secrets_unavailable",
  "stale_life",
  "too_slow",
  "unauthorized",
  "unique_key_conflict",
  "unknown_queue",
  "unknown_type",
  "unsupported_media_type",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** One wrong field: an RFC 6901 JSON pointer into the caller's document, and what is wrong there. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

export interface ErrorDetails {
  readonly errors?: readonly FieldError[];
  /** Seconds after which the same call may succeed. */
  readonly retryAfterSeconds?: number;
  readonly [key: string]: unknown;
}

/** Says what an error is, also to another copy of this library: a monorepo has one for each package, a global command brings its own. */
const MARK = Symbol.for("forgeq.error");

/** `instanceof` of a marked class, and the ordinary one of classes that extend it. */
const isMarked = (base: unknown, name: string, asked: unknown, value: unknown): boolean =>
  asked === base
    ? typeof value === "object" && value !== null && (value as { [MARK]?: unknown })[MARK] === name
    : Function.prototype[Symbol.hasInstance].call(asked, value);

/** The only error class that ForgeQ throws on purpose; `code` says what happened, `cause` keeps the original. */
export class ForgeqError extends Error {
  override readonly name = "ForgeqError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  get [MARK](): string {
    return "ForgeqError";
  }

  static override [Symbol.hasInstance](value: unknown): value is ForgeqError {
    return isMarked(ForgeqError, "ForgeqError", this, value);
  }
}

/** The database did not answer, or not in time: as a rule nobody knows whether the call took effect, and it may be sent again. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof ForgeqError && (error.code === "database_unavailable" || error.code === "too_slow");

/** Thrown by a handler: the job is dead immediately, whatever attempts it has left. */
export class PermanentError extends Error {
  override readonly name = "PermanentError";

  get [MARK](): string {
    return "PermanentError";
  }

  static override [Symbol.hasInstance](value: unknown): value is PermanentError {
    return isMarked(PermanentError, "PermanentError", this, value);
  }
}

/** Thrown by a handler: retry after this many seconds instead of the policy's delay; the attempt still counts. */
export class RetryAfter extends Error {
  override readonly name = "RetryAfter";
  readonly seconds: number;

  /** @param seconds - 0 to 31,536,000 (one year) */
  constructor(seconds: number, message = `retry after ${seconds} s`, options?: ErrorOptions) {
    super(message, options);
    this.seconds = seconds;
  }

  get [MARK](): string {
    return "RetryAfter";
  }

  static override [Symbol.hasInstance](value: unknown): value is RetryAfter {
    return isMarked(RetryAfter, "RetryAfter", this, value);
  }
}
