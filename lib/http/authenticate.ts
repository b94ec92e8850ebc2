import { ForgeqError } from "../core/errors.ts";
import type { ApiKey, Scope } from "./api-keys.ts";
import type { KeyRing } from "./key-ring.ts";

const presentedKey = (headers: Readonly<Record<string, string>>): string | null => {
  const { authorization } = headers;
  if (authorization === undefined) return headers["x-api-key"] ?? null;
  return /^bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? null;
};

/**
 * Finds the key of a request, from `Authorization: Bearer` or `x-api-key`.
 *
 * @throws ForgeqError `unauthorized` without a valid key
 */
export const authenticate = async (
  ring: KeyRing,
  headers: Readonly<Record<string, string>>,
  now = new Date(),
): Promise<ApiKey> => {
  const presented = presentedKey(headers);
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
