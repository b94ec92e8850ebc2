import { createHash, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import { ForgeqError } from "../core/errors.ts";

/** What a key may do. */
export const SCOPES = ["jobs:write", "jobs:read", "jobs:manage", "metrics:read"] as const;

export type Scope = (typeof SCOPES)[number];

/** A key as it is configured: the SHA-256 of the secret, never the secret. */
export interface ApiKey {
  readonly id: string;
  readonly sha256: string;
  readonly scopes: readonly Scope[];
}

const apiKeys = z
  .array(
    z.strictObject({
      id: z.string().min(1).max(100),
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/i, "must be 64 hexadecimal digits")
        .toLowerCase(),
      scopes: z.array(z.enum(SCOPES)),
    }),
  )
  .refine((keys) => new Set(keys.map((key) => key.id)).size === keys.length, "has the same id twice");

const refuse = (reason: string): never => {
  throw new ForgeqError("internal", `FORGEQ_API_KEYS is not valid: ${reason}`);
};

const asJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return refuse("it is not JSON");
  }
};

/**
 * Reads the configured keys. Nothing configured is no keys: every request is refused.
 *
 * @param text - `[{"id", "sha256", "scopes": [...]}]`
 * @throws ForgeqError `internal` that says what is wrong with the configuration, without its values
 */
export const parseApiKeys = (text: string | undefined): readonly ApiKey[] => {
  if (text === undefined || text.trim() === "") return [];
  const { data, error } = apiKeys.safeParse(asJson(text));
  const [issue] = error?.issues ?? [];
  return data ?? refuse(`${issue?.path.join(".") || "it"}: ${issue?.message}`);
};

const presentedKey = (headers: Readonly<Record<string, string>>): string | null => {
  const { authorization } = headers;
  if (authorization === undefined) return headers["x-api-key"] ?? null;
  return /^bearer +([^ ]+) *$/i.exec(authorization)?.[1] ?? null;
};

/**
 * Finds the key of a request, from `Authorization: Bearer` or `x-api-key`. Takes as long for a wrong key as for a right
 * one: hashes are compared, in constant time, and always all of them.
 *
 * @throws ForgeqError `unauthorized` without a valid key, `forbidden` when it lacks the scope
 */
export const authenticate = (
  keys: readonly ApiKey[],
  headers: Readonly<Record<string, string>>,
  scope: Scope,
): ApiKey => {
  const presented = presentedKey(headers);
  if (presented === null)
    throw new ForgeqError("unauthorized", "Send an API key as Authorization: Bearer KEY, or as x-api-key");
  const digest = createHash("sha256").update(presented).digest();
  const matching = keys.filter((key) => timingSafeEqual(Buffer.from(key.sha256, "hex"), digest));
  const [found] = matching;
  if (found === undefined) throw new ForgeqError("unauthorized", "The API key is not known");
  if (!found.scopes.includes(scope))
    throw new ForgeqError("forbidden", `The API key lacks the scope ${scope}`, { scope });
  return found;
};
