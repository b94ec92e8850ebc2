/** Sessions of the dashboard: what its cookie says, and which requests it counts for. Nothing of them is kept on the server. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import { ForgeqError } from "../core/errors.ts";
import { isLoopback } from "../core/loopback.ts";
import { type ApiKey, type HashedKey, type Scope, SCOPES } from "./api-keys.ts";

type Headers = Readonly<Record<string, string>>;

const SESSION_SECONDS = 12 * 3600;
/** What a command line hands to a browser, which asks for a session immediately. */
const CODE_SECONDS = 60;

/** What a session of somebody who only looks keeps of its key. */
const READING: readonly Scope[] = ["jobs:read", "payloads:read", "metrics:read"];

type Use = "session" | "code";

const claims = z.strictObject({
  use: z.enum(["session", "code"]),
  key: z.string(),
  fingerprint: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  until: z.int(),
});

type Claims = z.output<typeof claims>;

/** Tells whether the key under an id is still the one of the session. Nothing of the key's hash can be told from it. */
const fingerprintOf = (sha256: string): string =>
  createHash("sha256").update(`forgeq session ${sha256}`).digest("base64url").slice(0, 22);

const macOf = (secret: Buffer, text: string): Buffer =>
  createHmac("sha256", secret).update(`forgeq session ${text}`).digest();

const signed = (secret: Buffer, of: Claims): string => {
  const body = Buffer.from(JSON.stringify(of)).toString("base64url");
  return `${body}.${macOf(secret, body).toString("base64url")}`;
};

const claimsOf = (secrets: readonly Buffer[], text: string, use: Use, now: Date): Claims | null => {
  const [, body = "", given = ""] = /^([\w-]{1,2000})\.([\w-]{43})$/.exec(text) ?? [];
  const mac = Buffer.from(given, "base64url");
  if (body === "" || !secrets.some((secret) => timingSafeEqual(macOf(secret, body), mac))) return null;
  const { data } = claims.safeParse(JSON.parse(Buffer.from(body, "base64url").toString()));
  return data !== undefined && data.use === use && data.until * 1000 > now.getTime() ? data : null;
};

/** What a session asks of the keys of this process. */
export interface SessionKeys {
  /** FORGEQ_SECRET, the newest first. */
  readonly secrets: () => Promise<readonly Buffer[]>;
  /** Asks the database for those of the database, once a minute at most. */
  readonly findById: (id: string) => Promise<HashedKey | null>;
}

/** A key that somebody has signed in with: with the scopes of the session, and its end. */
const keyOfClaims = async (keys: SessionKeys, of: Claims, now: Date): Promise<ApiKey | null> => {
  const found = await keys.findById(of.key);
  if (found === null || fingerprintOf(found.sha256) !== of.fingerprint) return null;
  const { sha256: _, ...key } = found;
  const until = new Date(of.until * 1000);
  const expiresAt = key.expiresAt !== null && key.expiresAt < until ? key.expiresAt : until;
  if (expiresAt <= now) return null;
  return { ...key, scopes: key.scopes.filter((scope) => of.scopes.includes(scope)), expiresAt };
};

/** The key of what `sign` made, or null: forged, expired, or its key has been revoked, replaced or taken away. */
export const keyOfToken = async (
  keys: SessionKeys,
  text: string,
  use: Use,
  now = new Date(),
): Promise<ApiKey | null> => {
  const found = claimsOf(await keys.secrets(), text, use, now);
  return found === null ? null : keyOfClaims(keys, found, now);
};

/**
 * Signs a key in.
 *
 * @param sha256 - of the whole key, in hexadecimal digits
 * @returns the value of a cookie; of a code, what `POST /session` takes within a minute
 */
export const sign = (
  secret: Buffer,
  key: Pick<HashedKey, "id" | "scopes" | "sha256">,
  { use = "session", readOnly = false, now = new Date() }: { use?: Use; readOnly?: boolean; now?: Date } = {},
): string =>
  signed(secret, {
    use,
    key: key.id,
    fingerprint: fingerprintOf(key.sha256),
    scopes: readOnly ? key.scopes.filter((scope) => READING.includes(scope)) : [...key.scopes],
    until: Math.floor(now.getTime() / 1000) + (use === "session" ? SESSION_SECONDS : CODE_SECONDS),
  });

const nameOf = (host: string | undefined): string => (host ?? "").replace(/:\d+$/, "");

const originOf = (text: string | undefined): URL | null => {
  try {
    return text === undefined ? null : new URL(text);
  } catch {
    return null;
  }
};

/** Over plain HTTP and on this machine, where browsers take no cookie that is `Secure`, in any of them. */
const isPlainLoopback = ({ host, origin, "x-forwarded-proto": scheme }: Headers): boolean =>
  isLoopback(nameOf(host)) && scheme !== "https" && originOf(origin)?.protocol !== "https:";

/** @throws ForgeqError `forbidden` where the browser says that it came over plain HTTP from elsewhere: no cookie may go that way */
export const requireSafeWay = (headers: Headers): void => {
  const { origin, "x-forwarded-proto": scheme } = headers;
  if (isPlainLoopback(headers) || (scheme !== "http" && originOf(origin)?.protocol !== "http:")) return;
  throw new ForgeqError("forbidden", "Sign in over https, or on the machine that the server runs on");
};

const COOKIE = "forgeq";
const HOST_COOKIE = `__Host-${COOKIE}`;

const cookieName = (headers: Headers): string => (isPlainLoopback(headers) ? COOKIE : HOST_COOKIE);

/** The header that sets the cookie; null takes it away. */
export const setCookie = (headers: Headers, value: string | null): Readonly<Record<string, string>> => {
  const name = cookieName(headers);
  const parts = [
    `${name}=${value ?? ""}`,
    "HttpOnly",
    ...(name === HOST_COOKIE ? ["Secure"] : []),
    "SameSite=Strict",
    "Path=/",
    `Max-Age=${value === null ? 0 : SESSION_SECONDS}`,
  ];
  return { "set-cookie": parts.join("; ") };
};

/** The cookie of a request, whether it counts or not. */
export const cookieOf = (headers: Headers): string | null => {
  const start = `${cookieName(headers)}=`;
  const found = (headers["cookie"] ?? "").split(/; */).find((each) => each.startsWith(start));
  return found === undefined || found === start ? null : found.slice(start.length);
};

/**
 * Does the request come from the dashboard's own page? A browser sends this header of its own accord nowhere, and no other site may have it sent.
 *
 * @throws ForgeqError `forbidden` that says what is missing
 */
export const requireDashboard = (headers: Headers): void => {
  const site = headers["sec-fetch-site"] ?? "same-origin";
  if (headers["x-forgeq-dashboard"] === "1" && site === "same-origin") return;
  throw new ForgeqError(
    "forbidden",
    "A session counts for requests of the dashboard's own page alone: with the header x-forgeq-dashboard: 1, from the same origin",
  );
};
