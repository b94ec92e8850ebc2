import type { Operations } from "../operation.ts";
import { signInBody } from "../schemas.ts";

/** Who is asking: sessions of the dashboard, and what a key may do. */
export const sessionOperations = {
  getSession: {
    method: "GET",
    path: "/session",
    summary: "Who is signed in, by the dashboard's cookie or by a key; null is nobody",
    scopes: [],
    answers: { 200: { description: "The session, or null.", schema: "session" } },
    errors: [],
  },
  signIn: {
    method: "POST",
    path: "/session",
    summary: "Sign in with a key: the answer sets a cookie that counts for requests of the dashboard's own page alone",
    scopes: [],
    audit: "session.create",
    body: {
      schema: signInBody,
      maxBytes: 8192,
      refusal: { code: "invalid_body", message: "The request has fields that are not valid" },
    },
    answers: { 200: { description: "Signed in, for twelve hours.", schema: "session" } },
    errors: ["unauthorized", "forbidden", "no_secret", "secrets_unavailable", "database_unavailable", "too_slow"],
  },
  signOut: {
    method: "DELETE",
    path: "/session",
    summary: "Sign out: the browser forgets the cookie",
    scopes: [],
    answers: { 204: { description: "Signed out." } },
    errors: ["forbidden"],
  },
  getMe: {
    method: "GET",
    path: "/me",
    summary: "What the key, or the session, may do, and where",
    scopes: [],
    anyKey: true,
    answers: { 200: { description: "The caller.", schema: "me" } },
    errors: [],
  },
} as const satisfies Operations;
