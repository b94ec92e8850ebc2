import * as keys from "../../db/reads/api-keys.ts";
import type { Deps } from "../deps.ts";

export type { ListedKey } from "../../db/reads/api-keys.ts";

/** A key of the HTTP API that was not revoked, by its id. */
export const findApiKey = ({ db }: Pick<Deps, "db">, id: string): Promise<keys.StoredKey | null> =>
  keys.findApiKey(db, id);

/** Stores a key by its hash. */
export const createApiKey = ({ db }: Pick<Deps, "db">, key: keys.NewKey): ReturnType<typeof keys.createApiKey> =>
  keys.createApiKey(db, key);

/** A page of keys, the oldest first, those that were revoked included. `next` is the id that the next page comes after, null on the last one. */
export const apiKeyPage = async (
  { db }: Pick<Deps, "db">,
  after: string,
  limit: number,
): Promise<{ readonly keys: readonly keys.ListedKey[]; readonly next: string | null }> => {
  const found = await keys.listApiKeys(db, after, limit + 1);
  const page = found.slice(0, limit);
  return { keys: page, next: found.length > limit ? (page.at(-1)?.id ?? null) : null };
};

const PAGE = 500;

/** All keys, the oldest first, those that were revoked included. */
export const listApiKeys = async (deps: Pick<Deps, "db">): Promise<keys.ListedKey[]> => {
  const all: keys.ListedKey[] = [];
  for (let after: string | null = ""; after !== null;) {
    const page: Awaited<ReturnType<typeof apiKeyPage>> = await apiKeyPage(deps, after, PAGE);
    all.push(...page.keys);
    after = page.next;
  }
  return all;
};

/** Ends a key: processes that know it forget it within a minute. */
export const revokeApiKey = async ({ db }: Pick<Deps, "db">, id: string): Promise<"revoked" | "not_found"> =>
  (await keys.revokeApiKey(db, id)) ? "revoked" : "not_found";
