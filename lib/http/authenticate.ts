import { ForgeqError } from "../core/errors.ts";
import type { ApiKey, Scope } from "./api-keys.ts";
import type { KeyRing } from "./key-ring.ts";
import type { SessionKeys } from "./session.ts";

const presentedKey = (headers: Readonly<Record<string, string>>): string | null => {
  const { authorization } = headers;
  if (authorization === undefined) return headers["x-api-key"] ?? null;
  return /^bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? null;
};

/** The key of a session, where the request has its cookie. @throws ForgeqError `forbidden` where the cookie does not count */
const keyOfSession = async (
  ring: SessionKeys,
  headers: Readonly<Record<string, string>>,
  now: Date,
): Promise<ApiKey | null> => {
  if (headers["cookie"] === undefined) return null;
  // Loaded for browsers alone.
  const { cookieOf, keyOfToken, requireDashboard } = await import("./session.ts");
  const cookie = cookieOf(headers);
  if (cookie === null) return null;
  requireDashboard(headers);
  const key = await keyOfToken(ring, cookie, "session", now);
  if (key === null) throw new ForgeqError("unauthorized", "The session has ended: sign in again");
  return key;
};

/**
 * Finds the key of a request, from `Authorization: Bearer` or `x-api-key`, or, where it has neither, from its session.
 *
 * @throws ForgeqError `unauthorized` without a valid key; `forbidden` for a session of a request that is not the dashboard's
 */
export const authenticate = async (
  ring: Pick<KeyRing, "find"> & SessionKeys,
  headers: Readonly<Record<string, string>>,
  now = new Date(),
): Promise<ApiKey> => {
  const presented = presentedKey(headers);
  const signedIn = presented === null && !("authorization" in headers) && (await keyOfSession(ring, headers, now));
  if (signedIn) return signedIn;
  if (presented === null)
    throw new ForgeqError("unauthorized", "Send an API key as Authorization: Bearer KEY, or as x-api-key");
  const found = await ring.find(presented);
  if (found === null) throw new ForgeqError("unauthorized", "The API key is not known");
  if (found.expiresAt !== null && found.expiresAt <= now)
    throw new ForgeqError("unauthorized", `The API key has expired at ${found.expiresAt.toISOString()}`);
  return found;
};

/** @throws ForgeqError `forbidden` when the key lacks one of the scopes */
export const requireScopes = (key: ApiKey, scopes: readonly Scope[]): void => {
  const scope = scopes.find((each) => !key.scopes.includes(each));
  if (scope !== undefined) throw new ForgeqError("forbidden", `The API key lacks the scope ${scope}`, { scope });
};
