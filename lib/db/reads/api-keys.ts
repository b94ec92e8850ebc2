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
insert into forgeq.api_key (id, sha256, scopes, types, queues, label, created_by, expires_at)
values ($1, $2, $3::text[], $4::text[], $5::text[], $6, $7, now() + make_interval(days => $8::int))
on conflict (id) do update set id = excluded.id
returning expires_at as "expiresAt"`;

/** Stores a key; sent again it changes nothing. */
export const createApiKey = async (
  db: Db,
  key: Omit<StoredKey, "expiresAt"> & {
    readonly label: string;
    readonly createdBy: string;
    /** From now on; null is without an end. */
    readonly days: number | null;
  },
): Promise<{ readonly expiresAt: Date | null }> => {
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
from forgeq.api_key
order by created_at, id`;

/** All keys, the oldest first, those that were revoked included. */
export const listApiKeys = (db: Db): Promise<ListedKey[]> => call<ListedKey>(db, LIST, []);

const REVOKE = `/* forgeq:revoke_api_key */
update forgeq.api_key set revoked_at = coalesce(revoked_at, now()) where id = $1 returning id`;

/** Ends a key, within a minute. @returns whether there is such a key; it may have been revoked before */
export const revokeApiKey = async (db: Db, id: string): Promise<boolean> => (await call(db, REVOKE, [id])).length > 0;
