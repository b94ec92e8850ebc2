import type { ListedKey } from "../queue/manage/api-keys.ts";

/** A key of the database as it is shown: never its secret, nor its hash. */
export const toWireKey = (key: ListedKey) => ({
  ...{ id: key.id, label: key.label, scopes: key.scopes, types: key.types, queues: key.queues },
  ...{ created_by: key.createdBy, created_at: key.createdAt.toISOString() },
  ...{ expires_at: key.expiresAt?.toISOString() ?? null, revoked_at: key.revokedAt?.toISOString() ?? null },
  last_used_on: key.lastUsedOn,
});
