import { ForgeqError } from "../core/errors.ts";
import type { ErrorCode, ErrorDetails } from "../core/errors.ts";
import type { HttpResponse } from "./router.ts";

/** A path that is there, with another method: only the router can say so. */
export type ProblemCode = ErrorCode | "method_not_allowed";

interface Kind {
  readonly status: number;
  readonly title: string;
}

const KINDS = {
  busy: { status: 503, title: "Busy, try again" },
  chain_too_deep: { status: 422, title: "The chain of jobs is too deep" },
  database_unavailable: { status: 503, title: "The database is not available" },
  declared_in_code: { status: 409, title: "The code declares this" },
  forbidden: { status: 403, title: "The key may not do this" },
  headers_too_large: { status: 431, title: "The headers are too large" },
  id_conflict: { status: 409, title: "The id belongs to another job" },
  id_version: { status: 422, title: "The id is not a recent UUID of version 7" },
  idempotency_key_in_use: { status: 409, title: "The first request with this key is under way" },
  idempotency_key_reused: { status: 422, title: "The key was sent with another request" },
  illegal_state: { status: 409, title: "Not possible in the job's state" },
  internal: { status: 500, title: "Internal error" },
  invalid_body: { status: 422, title: "The body is not valid" },
  invalid_job: { status: 422, title: "The job is not valid" },
  invalid_payload: { status: 422, title: "The payload is not valid" },
  invalid_queue: { status: 422, title: "The queue's limits are not valid" },
  invalid_query: { status: 400, title: "The query is not valid" },
  invalid_schedule: { status: 422, title: "The schedule is not valid" },
  lease_lost: { status: 409, title: "The lease is lost" },
  malformed_json: { status: 400, title: "The body is not valid JSON" },
  malformed_request: { status: 400, title: "The request is not valid HTTP" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  no_secret: { status: 409, title: "FORGEQ_SECRET is not set" },
  not_found: { status: 404, title: "Not found" },
  payload_gone: { status: 409, title: "The payload is not kept" },
  payload_too_large: { status: 413, title: "Too large" },
  queue_declared: { status: 409, title: "The code declares this queue" },
  queue_full: { status: 429, title: "The queue is full" },
  queue_not_empty: { status: 409, title: "The queue has live jobs" },
  rate_limited: { status: 429, title: "Too many requests" },
  request_timeout: { status: 408, title: "The request did not come in time" },
  schedule_exists: { status: 409, title: "The schedule exists already" },
  schema_outdated: { status: 503, title: "The database schema is out of date" },
  secrets_unavailable: { status: 503, title: "The service's settings can't be read" },
  stale_life: { status: 409, title: "The job lives a later life" },
  too_slow: { status: 503, title: "The database is too slow" },
  unauthorized: { status: 401, title: "No valid API key" },
  unique_key_conflict: { status: 409, title: "The unique key is taken" },
  unknown_queue: { status: 422, title: "The queue does not take jobs of this type" },
  unknown_type: { status: 422, title: "Unknown job type" },
  unsupported_media_type: { status: 415, title: "The body must be JSON" },
} satisfies Record<ProblemCode, Kind>;

/** The HTTP status of a code. */
export const statusOf = (code: ProblemCode): number => KINDS[code].status;

/** Seconds, for the codes that pass by themselves, when the error names none. */
const RETRY_AFTER_SECONDS: Partial<Record<ProblemCode, number>> = {
  busy: 1,
  database_unavailable: 5,
  idempotency_key_in_use: 1,
  queue_full: 5,
  rate_limited: 1,
  schema_outdated: 30,
  secrets_unavailable: 2,
  too_slow: 5,
};

const toForgeqError = (error: unknown): ForgeqError =>
  error instanceof ForgeqError ? error : new ForgeqError("internal", "Something went wrong", {}, { cause: error });

const challenge = (code: ProblemCode, scope: unknown): Record<string, string> => {
  if (code === "unauthorized") return { "www-authenticate": 'Bearer realm="forgeq"' };
  if (code !== "forbidden") return {};
  const missing = typeof scope === "string" ? `, scope="${scope}"` : "";
  return { "www-authenticate": `Bearer realm="forgeq", error="insufficient_scope"${missing}` };
};

const headersOf = (code: ProblemCode, details: ErrorDetails): Record<string, string> => {
  const retryAfterSeconds = details.retryAfterSeconds ?? RETRY_AFTER_SECONDS[code];
  return {
    "content-type": "application/problem+json",
    ...challenge(code, details["scope"]),
    ...(details["headers"] as Record<string, string> | undefined),
    ...(Array.isArray(details["allow"]) && { allow: details["allow"].join(", ") }),
    ...(retryAfterSeconds !== undefined && { "retry-after": String(Math.max(1, Math.ceil(retryAfterSeconds))) }),
  };
};

/** The part of an error's details that a client may see. */
const membersOf = ({ errors, life, state, types, scope, holderId }: ErrorDetails): Record<string, unknown> => ({
  ...(errors && { errors: errors.map(({ pointer, message: detail }) => ({ pointer, detail })) }),
  ...(life !== undefined && { life }),
  ...(state !== undefined && { state }),
  ...(types !== undefined && { types }),
  ...(scope !== undefined && { scope }),
  ...(holderId !== undefined && { holder_id: holderId }),
});

/** What these say is for the operator: names of parameters, of roles, of files. */
const KEPT_TO_THE_LOG = new Set<ProblemCode>(["internal", "secrets_unavailable"]);

/**
 * The application/problem+json answer (RFC 9457) to whatever was thrown. What was not thrown on purpose, or means a
 * fault of the deployment, is `internal` or `secrets_unavailable` and keeps its message to the log. A `not_found` whose details have `allow`
 * is a wrong method.
 */
export const problemOf = (error: unknown, requestId: string): HttpResponse => {
  const { code: thrown, message, details } = toForgeqError(error);
  const code: ProblemCode = thrown === "not_found" && "allow" in details ? "method_not_allowed" : thrown;
  const { status, title } = KINDS[code];
  const detail = KEPT_TO_THE_LOG.has(code) ? "Something went wrong; the log says more under this request id" : message;
  return {
    status,
    headers: headersOf(code, details),
    body: {
      type: `urn:forgeq:problem:${code}`,
      title,
      status,
      code,
      detail,
      request_id: requestId,
      ...membersOf(details),
    },
  };
};

/** Where failures of the service itself go, refused keys and management actions. A client's other mistakes are not logged. */
export interface HttpLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Names, messages, codes and stacks only: a driver's error also carries rows and parameters, and so payloads. */
const describeError = (error: unknown, depth = 0): Record<string, unknown> => {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    ...("code" in error && { code: error.code }),
    stack,
    ...(cause !== undefined && depth < 3 && { cause: describeError(cause, depth + 1) }),
  };
};

/** Logs what is the service's own fault: `internal`, and what keeps it from its database or its secrets, as an error; any other 503 as a warning. Not what says that it is `logged`. */
export const logFailure = (error: unknown, requestId: string, log: HttpLog): void => {
  const { code, message, details } = toForgeqError(error);
  if (details["logged"] === true) return;
  const fields = { request_id: requestId, code, error: describeError(error) };
  if (code === "internal") log.error("request failed", fields);
  else if (code === "secrets_unavailable") log.error(message, fields);
  else if (details["reason"] !== undefined) log.error(message, { ...fields, reason: details["reason"] });
  else if (KINDS[code].status === 503) log.warn("request could not be served", fields);
};
