/** `/session` and `/me`: who is asking, for people with a browser. */
import type * as z from "zod";
import { ForgeqError } from "../core/errors.ts";
import type { ApiKey } from "./api-keys.ts";
import { authenticate } from "./authenticate.ts";
import type { KeyRing } from "./key-ring.ts";
import type { HttpRequest, HttpResponse } from "./router.ts";
import type { signInBody } from "./schemas.ts";
import { cookieOf, keyOfToken, requireDashboard, requireSafeWay, setCookie, sign } from "./session.ts";
import { sha256Of } from "./stored-keys.ts";

/** A key as whoever has it sees it. */
export const toWireCaller = ({ id, scopes, types, queues, expiresAt }: ApiKey) => ({
  ...{ id, scopes, types, queues },
  expires_at: expiresAt?.toISOString() ?? null,
});

const shown = (key: ApiKey, headers: HttpResponse["headers"] = {}): HttpResponse => ({
  status: 200,
  headers,
  body: { session: toWireCaller(key) },
});

/** The secret that sessions and keys of the database are made with. @throws ForgeqError `no_secret` */
export const newestSecret = async (ring: Pick<KeyRing, "secrets">): Promise<Buffer> => {
  const [secret] = await ring.secrets();
  if (secret !== undefined) return secret;
  throw new ForgeqError("no_secret", "FORGEQ_SECRET is not set: sessions and keys of the database are made with it");
};

const keyOf = async (
  ring: KeyRing,
  { key, code }: { readonly key?: string; readonly code?: string },
): Promise<Parameters<typeof sign>[1]> => {
  if (code !== undefined) {
    const found = await keyOfToken(ring, code, "code");
    const whole = found && (await ring.findById(found.id));
    if (whole === null) throw new ForgeqError("unauthorized", "The code is not known, or is older than a minute");
    return { ...whole, scopes: found?.scopes ?? [] };
  }
  const found = await authenticate(ring, { "x-api-key": key ?? "" });
  return { ...found, sha256: sha256Of(key ?? "") };
};

/** Signs in with a key. @throws ForgeqError `unauthorized`, `forbidden`, `no_secret` */
export const signIn = async (
  ring: KeyRing,
  { headers, body }: Pick<HttpRequest<unknown, z.output<typeof signInBody>>, "headers" | "body">,
): Promise<HttpResponse> => {
  requireDashboard(headers);
  requireSafeWay(headers);
  const secret = await newestSecret(ring);
  const token = sign(secret, await keyOf(ring, body), { readOnly: body.read_only });
  const key = await keyOfToken(ring, token, "session");
  if (key === null) throw new ForgeqError("unauthorized", "The API key is not known");
  return { ...shown(key, setCookie(headers, token)), audit: { caller: key.id } };
};

/** Signs out: the browser forgets the cookie. */
export const signOut = ({ headers }: Pick<HttpRequest, "headers">): HttpResponse => {
  requireDashboard(headers);
  return { status: 204, headers: setCookie(headers, null), body: undefined };
};

/** Who is signed in, by a session or by the key that a proxy adds; null is nobody, and that is no error. */
export const showSession = async (ring: KeyRing, { headers }: Pick<HttpRequest, "headers">): Promise<HttpResponse> => {
  const sends = ["authorization", "x-api-key"].some((name) => name in headers) || cookieOf(headers) !== null;
  if (!sends) return { status: 200, body: { session: null } };
  try {
    return shown(await authenticate(ring, headers));
  } catch (error) {
    if (error instanceof ForgeqError && (error.code === "unauthorized" || error.code === "forbidden"))
      return { status: 200, body: { session: null } };
    throw error;
  }
};
