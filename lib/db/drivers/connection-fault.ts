import { messageOf } from "../../core/reason.ts";
import { sqlState } from "./failure.ts";

/** Why no session of the database could be had. */
export interface ConnectionFault {
  readonly reason: "authentication" | "certificate" | "tls" | "no_database" | "refused" | "no_connection_left";
  /** For an operator, without addresses, names or secrets. */
  readonly message: string;
  readonly retryAfterSeconds: number;
}

/** Passes by itself. */
const SOON_SECONDS = 2;
/** Needs somebody who sets it right. */
const LATER_SECONDS = 10;

const fault = (
  reason: ConnectionFault["reason"],
  message: string,
  retryAfterSeconds = LATER_SECONDS,
): ConnectionFault => ({ reason, message, retryAfterSeconds });

const AUTHENTICATION = fault(
  "authentication",
  "the database refuses the login: the role, its password or its token is not right, or the role may not connect this way",
);
const CERTIFICATE = fault(
  "certificate",
  "the database's certificate is not trusted: name the certificate authority's file in FORGEQ_DATABASE_CA",
);
const TLS = fault("tls", "the database and this process don't agree on TLS: see sslmode in the database's URL");
const NO_DATABASE = fault("no_database", "the server has no database of the name in the database's URL");
const REFUSED = fault("refused", "the database can't be reached: nobody answers at its address", SOON_SECONDS);
const NO_CONNECTION_LEFT = fault(
  "no_connection_left",
  "the database has no connection left: fewer concurrent functions, or a pooler, would help",
  SOON_SECONDS,
);

const BY_STATE: Partial<Record<string, ConnectionFault>> = {
  "28000": AUTHENTICATION,
  "28P01": AUTHENTICATION,
  "3D000": NO_DATABASE,
  "53300": NO_CONNECTION_LEFT,
};

/** Codes of Node. */
const BY_CODE: Partial<Record<string, ConnectionFault>> = {
  ...Object.fromEntries(
    ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"].map((code) => [code, REFUSED]),
  ),
  ...Object.fromEntries(
    [
      "CERT_HAS_EXPIRED",
      "CERT_NOT_YET_VALID",
      "CERT_REVOKED",
      "CERT_SIGNATURE_FAILURE",
      "CERT_UNTRUSTED",
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "ERR_TLS_CERT_ALTNAME_INVALID",
      "HOSTNAME_MISMATCH",
      "SELF_SIGNED_CERT_IN_CHAIN",
      "UNABLE_TO_GET_ISSUER_CERT",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    ].map((code) => [code, CERTIFICATE]),
  ),
};

/** Of poolers, of Neon's proxy and of pg itself, which have no code for it. */
const BY_MESSAGE = [
  [/password authentication failed|SASL authentication failed|client password must be a string/i, AUTHENTICATION],
  [/no more connections allowed|max(?:imum)? client connections|too many clients/i, NO_CONNECTION_LEFT],
  [/does not support SSL connections|error establishing an SSL connection|SSL connection is required/i, TLS],
] as const;

/** Sorts an error by why there is no session; null where there may have been one. */
export const connectionFault = (error: unknown): ConnectionFault | null => {
  const state = sqlState(error) ?? "";
  const { code } = (error ?? {}) as { readonly code?: unknown };
  const byCode = BY_STATE[state] ?? (typeof code === "string" ? BY_CODE[code] : undefined);
  if (byCode !== undefined) return byCode;
  const message = messageOf(error);
  const byMessage = BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1];
  if (byMessage !== undefined) return byMessage;
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : causeOf(error);
  return inner === undefined ? null : connectionFault(inner);
};

/** Neon's errors keep the original in `sourceError`. */
const causeOf = (error: unknown): unknown =>
  error instanceof Error ? (error.cause ?? (error as { readonly sourceError?: unknown }).sourceError) : undefined;
