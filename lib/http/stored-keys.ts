/** Keys of the database: `fq_ID_SECRET_CHECK`. CHECK proves that ForgeQ made the key, so that a forged one is refused without a query. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ForgeqError } from "../core/errors.ts";
import { type ApiKey, type HashedKey, type Scope, SCOPES } from "./api-keys.ts";
import { STORED_FORM } from "./stored-form.ts";

/** A key as the database has it. */
export interface StoredKey extends Omit<ApiKey, "scopes"> {
  readonly scopes: readonly string[];
  /** In hexadecimal digits, of the whole key. */
  readonly sha256: string;
}

const SECRET_BYTES = 32;
/** Two are valid while one takes the place of the other. */
const MOST_SECRETS = 2;

/**
 * Reads FORGEQ_SECRET.
 *
 * @param text - 32 bytes in base64url; two with a comma between them while it is rotated, the newer one first; undefined is none
 * @throws ForgeqError `internal` that names the variable
 */
export const parseSecrets = (text: string | undefined): readonly Buffer[] => {
  if (text === undefined) return [];
  const secrets = text.split(",").map((each) => Buffer.from(each.trim(), "base64url"));
  if (secrets.length > MOST_SECRETS || secrets.some(({ length }) => length !== SECRET_BYTES))
    throw new ForgeqError(
      "internal",
      "FORGEQ_SECRET is not valid: it is 32 random bytes in base64url, or two of them with a comma between",
    );
  return secrets;
};

const checkOf = (secret: Buffer, text: string): Buffer =>
  createHmac("sha256", secret).update(text).digest().subarray(0, 8);

/** The id of a key that was made with one of the secrets, or null. */
export const idOfStored = (secrets: readonly Buffer[], key: string): string | null => {
  const [, id = "", , check = ""] = STORED_FORM.exec(key) ?? [];
  if (id === "") return null;
  const given = Buffer.from(check, "base64url");
  const body = key.slice(0, -check.length - 1);
  return secrets.some((secret) => timingSafeEqual(checkOf(secret, body), given)) ? id : null;
};

/** The hash of a whole key, in hexadecimal digits. */
export const sha256Of = (key: string): string => createHash("sha256").update(key).digest("hex");

/** Makes a key. It is shown once: only its hash is kept. */
export const mintKey = (secret: Buffer): { readonly id: string; readonly key: string; readonly sha256: string } => {
  const id = `fq_${randomBytes(6).toString("hex")}`;
  const body = `${id}_${randomBytes(SECRET_BYTES).toString("base64url")}`;
  const key = `${body}_${checkOf(secret, body).toString("base64url")}`;
  return { id, key, sha256: sha256Of(key) };
};

const isScope = (scope: string): scope is Scope => (SCOPES as readonly string[]).includes(scope);

/** A key of the database, with those of its scopes that are known here. */
export const hashedKey = ({ id, scopes, types, queues, expiresAt, sha256 }: StoredKey): HashedKey => ({
  ...{ id, scopes: scopes.filter(isScope), types, queues, expiresAt, sha256 },
});

/** What the database has under a key's id as that key, or null when the hash is another one. */
export const matching = (stored: StoredKey | null, key: string): ApiKey | null => {
  if (stored === null || !timingSafeEqual(Buffer.from(stored.sha256, "hex"), Buffer.from(sha256Of(key), "hex")))
    return null;
  const { sha256: _, ...found } = hashedKey(stored);
  return found;
};
