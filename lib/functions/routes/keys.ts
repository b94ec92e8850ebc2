import { ForgeqError } from "../../core/errors.ts";
import { isBound } from "../../http/access.ts";
import type { ApiKey } from "../../http/api-keys.ts";
import type { KeyRing } from "../../http/key-ring.ts";
import { toWireKey } from "../../http/key-wire.ts";
import type { keyOperations } from "../../http/operations/keys.ts";
import type { Handlers } from "../../http/serve.ts";
import { newestSecret } from "../../http/sign-in.ts";
import { isStoredId } from "../../http/stored-form.ts";
import { mintKey } from "../../http/stored-keys.ts";
import { encodeCursor } from "../../http/wire.ts";
import type { Deps } from "../../queue/deps.ts";
import { apiKeyPage, createApiKey, revokeApiKey } from "../../queue/manage/api-keys.ts";
import { notFound, ok } from "./found.ts";

/** Keys are no type's and no queue's. @throws ForgeqError `forbidden` for a key that is bound to some of them */
const requireUnbound = (key: ApiKey): void => {
  if (isBound(key))
    throw new ForgeqError("forbidden", "The API key is bound to types or queues, and keys belong to all");
};

/** A key gives away no more than it has. @throws ForgeqError `forbidden` */
const requireOwn = (key: ApiKey, scopes: readonly ApiKey["scopes"][number][]): void => {
  const scope = scopes.find((each) => !key.scopes.includes(each));
  if (scope !== undefined)
    throw new ForgeqError("forbidden", `The API key can't give the scope ${scope}, which it lacks`, { scope });
};

/** @param ring - has the secret that keys are made with */
export const keyHandlers = (ring: Pick<KeyRing, "secrets">): Handlers<typeof keyOperations, Deps> => ({
  listKeys: async (deps, { key, query: { after, limit } }) => {
    requireUnbound(key);
    const { keys, next } = await apiKeyPage(deps, after, limit);
    return ok({ data: keys.map(toWireKey), next_cursor: next === null ? null : encodeCursor(next) });
  },

  createKey: async (deps, { key: caller, body }) => {
    requireUnbound(caller);
    requireOwn(caller, body.scopes);
    const { key, id, sha256 } = mintKey(await newestSecret(ring));
    const { days, ...given } = { ...body, scopes: [...new Set(body.scopes)] };
    const stored = await createApiKey(deps, { id, sha256, ...given, createdBy: caller.id, days });
    const made = toWireKey({ id, ...given, createdBy: caller.id, ...stored, revokedAt: null, lastUsedOn: null });
    return { status: 201, body: { ...made, key }, audit: { target: id } };
  },

  revokeKey: async (deps, { key, params: { key_id: id = "" } }) => {
    requireUnbound(key);
    if (!isStoredId(id) || (await revokeApiKey(deps, id)) === "not_found") throw notFound("key of the database");
    return { status: 204, body: undefined };
  },
});
