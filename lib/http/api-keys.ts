import { hash, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import type { ConfiguredKeys } from "../core/configured-keys.ts";
import { ForgeqError } from "../core/errors.ts";
import { type Scope, SCOPES } from "../core/scopes.ts";

export { type Scope, SCOPES };

/** A key with what it may do, and never its secret. */
export interface ApiKey {
  readonly id: string;
  readonly scopes: readonly Scope[];
  /** The only job types that it may enqueue, see and manage; null is all. */
  readonly types: readonly string[] | null;
  /** The same of queues. */
  readonly queues: readonly string[] | null;
  readonly expiresAt: Date | null;
}

/** A configured key: the SHA-256 of the secret in hexadecimal digits. */
export interface HashedKey extends ApiKey {
  readonly sha256: string;
}

/** A key has so many characters at least: a shorter one can be guessed. */
export const MIN_KEY_CHARACTERS = 20;

const names = z.array(z.string().min(1).max(63)).nullish().default(null);

const apiKeys = z
  .array(
    z
      .strictObject({
        id: z.string().min(1).max(100),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/i, "must be 64 hexadecimal digits")
          .toLowerCase(),
        scopes: z.array(z.enum(SCOPES)),
        types: names,
        queues: names,
        expires_at: z.iso
          .datetime({ offset: true, error: "must be a date-time with an offset, as 2030-01-31T08:00:00Z" })
          .nullish()
          .default(null),
      })
      .transform(({ expires_at, ...key }) => ({
        ...key,
        expiresAt: expires_at === null ? null : new Date(expires_at),
      })),
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

const parseList = (text: string | undefined): readonly HashedKey[] => {
  if (text === undefined || text.trim() === "") return [];
  const { data, error } = apiKeys.safeParse(asJson(text));
  const [issue] = error?.issues ?? [];
  return data ?? refuse(`${issue?.path.join(".") || "it"}: ${issue?.message}`);
};

const PLAIN_ID = "local";

const hashOf = (key: string): Buffer => hash("sha256", key, "buffer");

const plainKey = (plain: string): HashedKey => {
  if (plain.length < MIN_KEY_CHARACTERS)
    throw new ForgeqError(
      "internal",
      `FORGEQ_API_KEY is not valid: it has fewer than ${MIN_KEY_CHARACTERS} characters`,
    );
  return {
    id: PLAIN_ID,
    sha256: hashOf(plain).toString("hex"),
    scopes: SCOPES,
    types: null,
    queues: null,
    expiresAt: null,
  };
};

/**
 * Reads the configured keys; the list and the plain key both count. Nothing configured is no keys: every request is refused.
 *
 * @param configured - the texts, or the list alone: `[{"id", "sha256", "scopes": [...], "types"?, "queues"?, "expires_at"?}]`
 * @throws ForgeqError `internal` that names the variable and says what is wrong with it, without its value
 */
export const parseApiKeys = (configured: ConfiguredKeys | string | undefined): readonly HashedKey[] => {
  const { list, plain }: ConfiguredKeys = typeof configured === "object" ? configured : { list: configured };
  const listed = parseList(list);
  if (plain === undefined) return listed;
  if (listed.some(({ id }) => id === PLAIN_ID))
    refuse(`the id ${PLAIN_ID} is that of FORGEQ_API_KEY, and occurs twice`);
  return [...listed, plainKey(plain)];
};

/**
 * The key of a secret, or null. Takes as long for a wrong secret as for a right one: hashes are compared, in constant time, and
 * always all of them.
 */
export const keyOfSecret = (keys: readonly HashedKey[], secret: string): ApiKey | null => {
  const digest = hashOf(secret);
  const [found] = keys.filter(({ sha256 }) => timingSafeEqual(Buffer.from(sha256, "hex"), digest));
  return found ?? null;
};
