import type { Operations } from "../operation.ts";
import { MAX_KEY_BODY_BYTES, newKeyBody } from "../key-body.ts";
import { namedQuery } from "../schemas.ts";

/** Keys of the database. A key that is bound to types or queues has no access to them. */
export const keyOperations = {
  listKeys: {
    method: "GET",
    path: "/keys",
    summary: "List the keys of the database, the oldest first, those that were revoked included",
    scopes: ["admin"],
    query: namedQuery,
    answers: { 200: { description: "A page.", schema: "apiKeyList" } },
    errors: ["forbidden"],
  },
  createKey: {
    method: "POST",
    path: "/keys",
    summary: "Make a key with no more than the caller's own scopes; the answer shows it, this once",
    scopes: ["admin"],
    audit: "key.create",
    body: {
      schema: newKeyBody,
      maxBytes: MAX_KEY_BODY_BYTES,
      refusal: { code: "invalid_body", message: "The key has fields that are not valid" },
    },
    answers: { 201: { description: "The key.", schema: "madeApiKey" } },
    errors: ["forbidden", "no_secret"],
  },
  revokeKey: {
    method: "DELETE",
    path: "/keys/{key_id}",
    summary: "End a key, within a minute, and the sessions that were made with it",
    scopes: ["admin"],
    audit: "key.revoke",
    answers: { 204: { description: "It is revoked." } },
    errors: ["forbidden", "not_found"],
  },
} as const satisfies Operations;
