import * as keys from "../../db/reads/api-keys.ts";
import type { Deps } from "../deps.ts";

export type { ListedKey } from "../../db/reads/api-keys.ts";

/** A key of the HTTP API that was not revoked, by its id. */
export const findApiKey = ({ db }: Pick<Deps, "db">, id: string): Promise<keys.StoredKey | null> =>
  keys.findApiKey(db, id);

/** Stores a key by its hash. */
export const createApiKey = (
  { db }: Pick<Deps, "db">,
  key: Parameters<typeof keys.createApiKey>[1],
): ReturnType<typeof keys.createApiKey> => keys.createApiKey(db, key);

/** All keys, the oldest first, those that were revoked included. */
export const listApiKeys = ({ db }: Pick<Deps, "db">): Promise<keys.ListedKey[]> => keys.listApiKeys(db);

/** Ends a key: processes that know it forget it within a minute. */
export const revokeApiKey = async ({ db }: Pick<Deps, "db">, id: string): Promise<"revoked" | "not_found"> =>
  (await keys.revokeApiKey(db, id)) ? "revoked" : "not_found";
