import { call, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** A key with what it may do; its hash instead of its secret. Null `types` or `queues` are all. */
export interface StoredKey {
  readonly id: string;
  readonly sha256: string;
  readonly scopes: readonly string[];
  readonly types: readonly string[] | null;
  readonly queues: readonly string[] | null;
  readonly expiresAt: Date | null;
}

const FIND = `/* forgeq:find_api_key */
select $1::text as id, sha256, scopes, types, queues, expires_at as "expiresAt" from forgeq.find_api_key($1::text)`;

/** A key that was not revoked, by its id. */
export const findApiKey = async (db: Db, id: string): Promise<StoredKey | null> =>
  (await call<StoredKey>(db, FIND, [id]))[0] ?? null;

const CREATE = `/* forgeq:create_api_key */
select created_at as "createdAt", expires_at as "expiresAt"
from forgeq.create_api_key($1::text, $2::text, $3::text[], $4::text[], $5::text[], $6::text, $7::text, $8::int)`;

/** What is kept of a key that is made. */
export interface NewKey extends Omit<StoredKey, "expiresAt"> {
  readonly label: string;
  readonly createdBy: string;
  /** From now on; null is without an end. */
  readonly days: number | null;
}

/** Stores a key; sent again it changes nothing. */
export const createApiKey = async (
  db: Db,
  key: NewKey,
): Promise<{ readonly createdAt: Date; readonly expiresAt: Date | null }> => {
  const { id, sha256, scopes, types, queues, label, createdBy, days } = key;
  return only(await call(db, CREATE, [id, sha256, scopes, types, queues, label, createdBy, days]));
};

/** A key as it is listed: never its hash. */
export interface ListedKey extends Omit<StoredKey, "sha256"> {
  readonly label: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  /** `2030-01-31`. */
  readonly lastUsedOn: string | null;
}

const LIST = `/* forgeq:list_api_keys */
select id, scopes, types, queues, label, created_by as "createdBy", created_at as "createdAt", expires_at as "expiresAt", revoked_at as "revokedAt",
       last_used_on::text as "lastUsedOn"
from forgeq.list_api_keys($1::text, $2::int)`;

/** Keys, the oldest first, those that were revoked included: as many as `limit`, after an id; "" comes before all of them. */
export const listApiKeys = (db: Db, after: string, limit: number): Promise<ListedKey[]> =>
  call<ListedKey>(db, LIST, [after, limit]);

const REVOKE = `/* forgeq:revoke_api_key */
select forgeq.revoke_api_key($1::text) as found`;

/** Ends a key, within a minute. @returns whether there is such a key; it may have been revoked before */
export const revokeApiKey = async (db: Db, id: string): Promise<boolean> =>
  only(await call<{ found: boolean }>(db, REVOKE, [id])).found;
