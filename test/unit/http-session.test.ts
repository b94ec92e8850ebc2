import { createHmac } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ApiKey } from "../../lib/http/api-keys.ts";
import type { Route } from "../../lib/http/router.ts";
import { sign } from "../../lib/http/session.ts";
import { mintKey, sha256Of, type StoredKey } from "../../lib/http/stored-keys.ts";
import { createKeyRing } from "../../lib/http/key-ring.ts";
import { authenticate } from "../../lib/http/authenticate.ts";
import { SECRET } from "../support/http/http.ts";
import { allRoutes, newSecret, PAGE, setupBrowser } from "../support/http/session.ts";

afterEach(() => vi.useRealTimers());

const HOURS = 3_600_000;

type State = ReturnType<typeof setupBrowser>["state"];

describe("POST /session", () => {
  it("sets a cookie that scripts can't read, and says what the session may do", async () => {
    const { signIn } = setupBrowser();
    const { status, headers, body } = await signIn();
    expect(status).toBe(200);
    expect(body.session).toMatchObject({ id: "test", types: null, queues: null });
    expect(body.session.scopes).toContain("admin");
    expect(headers["set-cookie"]).toMatch(/^forgeq=[\w.-]+; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200$/);
    expect(headers["set-cookie"]).not.toContain(SECRET);
  });

  it.each([
    [{ host: "api.example.com" }],
    [{ host: "api.example.com", origin: "https://api.example.com" }],
    [{ host: "localhost:3000", "x-forwarded-proto": "https" }],
    [{ host: "localhost", origin: "https://localhost" }],
  ])("sets one that is sent over https alone, and from this host alone: %j", async (headers) => {
    const { signIn } = setupBrowser();
    expect((await signIn({}, headers)).headers["set-cookie"]).toMatch(
      /^__Host-forgeq=[\w.-]+; HttpOnly; Secure; SameSite=Strict; Path=\/; Max-Age=43200$/,
    );
  });

  it.each([
    [{ host: "10.0.0.7:3000", origin: "http://10.0.0.7:3000" }],
    [{ host: "api.example.com", "x-forwarded-proto": "http" }],
  ])("sets none over plain HTTP from another machine: %j", async (headers) => {
    const { signIn } = setupBrowser();
    const { status, headers: given } = await signIn({}, headers);
    expect(status).toBe(403);
    expect(given["set-cookie"]).toBeUndefined();
  });

  it.each([
    ["a wrong key", { key: "a-key-that-nobody-has" }, {}, 401, "unauthorized"],
    ["another site", {}, { "sec-fetch-site": "cross-site" }, 403, "forbidden"],
    ["the same site on another port", {}, { "sec-fetch-site": "same-site" }, 403, "forbidden"],
    ["no dashboard", {}, { "x-forgeq-dashboard": "0" }, 403, "forbidden"],
    ["an unknown field", { remember: true }, {}, 422, "invalid_body"],
    ["a key of another kind", { key: 7 }, {}, 422, "invalid_body"],
    ["both a key and a code", { code: "x" }, {}, 422, "invalid_body"],
    ["neither", { key: undefined }, {}, 422, "invalid_body"],
    ["a forged code", { key: undefined, code: "e30.AAAA" }, {}, 401, "unauthorized"],
  ] as const)("refuses %s", async (_, body, headers, status, code) => {
    const { signIn } = setupBrowser();
    const answer = await signIn(body, headers);
    expect(answer).toMatchObject({ status, body: { code } });
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  it("says that FORGEQ_SECRET is missing", async () => {
    const { state, signIn } = setupBrowser();
    state.secret = undefined;
    expect(await signIn()).toMatchObject({ status: 409, body: { code: "no_secret" } });
  });

  it("leaves an audit line that names the key, and never holds it", async () => {
    const { logger, signIn } = setupBrowser();
    await signIn();
    expect(logger.info).toHaveBeenCalledWith(
      "audit",
      expect.objectContaining({ caller: "test", action: "session.create", outcome: "done" }),
    );
    expect(JSON.stringify(logger.info.mock.calls)).not.toContain(SECRET);
  });

  it("takes a code within a minute, and no session for a code nor a code for a session", async () => {
    vi.useFakeTimers({ now: 1_900_000_000_000, toFake: ["Date"] });
    const { state, signIn, send } = setupBrowser();
    const secret = Buffer.from(state.secret ?? "", "base64url");
    const key = { id: "test", scopes: ["jobs:read"] as const, sha256: sha256Of(SECRET) };
    const code = sign(secret, key, { use: "code" });
    const asCookie = { ...PAGE, cookie: `forgeq=${code}` };
    expect(await send({ path: "/me", headers: asCookie })).toHaveProperty("status", 401);
    const session = sign(secret, key);
    expect(await signIn({ key: undefined, code: session })).toHaveProperty("status", 401);
    expect(await signIn({ key: undefined, code })).toMatchObject({
      status: 200,
      body: { session: { scopes: ["jobs:read"] } },
    });
    vi.setSystemTime(1_900_000_060_000);
    expect(await signIn({ key: undefined, code })).toHaveProperty("status", 401);
  });
});

describe("GET and DELETE /session, GET /me", () => {
  it("shows who is signed in, and nobody is no error", async () => {
    const { send, signIn } = setupBrowser();
    const show = async (headers: Record<string, string>) => (await send({ path: "/session", headers })).body;
    expect(await show({})).toEqual({ session: null });
    const { cookie, body } = await signIn();
    expect(await show({ ...PAGE, cookie })).toEqual(body);
    expect(await show({ cookie })).toEqual({ session: null });
    expect(await show({ ...PAGE, cookie: `${cookie}x` })).toEqual({ session: null });
    expect(await show({ authorization: `Bearer ${SECRET}` })).toMatchObject({
      session: { id: "test", expires_at: null },
    });
    expect(await show({ authorization: "Bearer wrong-wrong-wrong-wrong" })).toEqual({ session: null });
  });

  it("tells a caller what it may do, and where it is", async () => {
    const { send, signIn } = setupBrowser();
    const { cookie } = await signIn({ read_only: true });
    expect((await send({ path: "/me", headers: { ...PAGE, cookie } })).body).toEqual({
      ...{ id: "test", types: null, queues: null, expires_at: expect.any(String) as string },
      scopes: ["jobs:read", "payloads:read", "metrics:read"],
      ...{ service: "forgeq", stage: "test", wake: "always", features: [], log_url: null },
    });
    expect(await send({ path: "/me" })).toHaveProperty("status", 401);
    expect(await send({ path: "/me", headers: { authorization: `Bearer ${SECRET}` } })).toHaveProperty("status", 200);
  });

  it("signs out by taking the cookie away", async () => {
    const { send } = setupBrowser();
    const out = await send({ method: "DELETE", path: "/session", headers: PAGE });
    expect(out).toMatchObject({
      status: 204,
      headers: { "set-cookie": expect.stringContaining("Max-Age=0") as string },
    });
    expect(await send({ method: "DELETE", path: "/session" })).toHaveProperty("status", 403);
  });
});

/** Every route, replaced by one that says that it was reached. */
const reached = (own: Route[]): Route[] => [
  ...allRoutes()
    .filter(({ path }) => path !== "/session")
    .map((route): Route => {
      const { body: _, ...rest } = route;
      return { ...rest, run: () => Promise.resolve({ status: 200, body: { reached: true } }) };
    }),
  ...own.filter(({ path }) => path === "/session"),
];

describe("a session, on every route", () => {
  const guarded = allRoutes().filter(({ scopes, anyKey }) => scopes.length > 0 || anyKey === true);
  const changing = guarded.filter(({ scopes }) => scopes.some((scope) => !/:read$/.test(scope)));

  /** What each route of the API answers. */
  const statuses = async (
    { send }: Pick<ReturnType<typeof setupBrowser>, "send">,
    headers: Record<string, string>,
    routes: readonly Route[] = guarded,
  ) => {
    const all = routes.map(async ({ method, path }) => {
      const { status } = await send({ method, path: path.replaceAll(/\{\w+\}/g, "x"), headers });
      return status;
    });
    return [...new Set(await Promise.all(all))];
  };

  it("counts from the dashboard's page", async () => {
    const browser = setupBrowser(reached);
    const { cookie } = await browser.signIn();
    expect(await statuses(browser, { ...PAGE, cookie })).toEqual([200]);
    const { "sec-fetch-site": _, ...old } = PAGE;
    expect(await statuses(browser, { ...old, cookie })).toEqual([200]);
  });

  const REFUSED: readonly [what: string, headers: (cookie: string) => Record<string, string>, status: number][] = [
    ["no cookie", (cookie: string) => ({ ...PAGE, cookie: cookie.replace(/=.*/, "=") }), 401],
    ["no header", (cookie: string) => ({ "sec-fetch-site": "same-origin", cookie }), 403],
    ["the same site", (cookie: string) => ({ ...PAGE, "sec-fetch-site": "same-site", cookie }), 403],
    ["another site", (cookie: string) => ({ ...PAGE, "sec-fetch-site": "cross-site", cookie }), 403],
    ["an address that was typed in", (cookie: string) => ({ ...PAGE, "sec-fetch-site": "none", cookie }), 403],
    ["a tampered cookie", (cookie: string) => ({ ...PAGE, cookie: cookie.replace(/=./, "=f") }), 401],
    ["a cookie of another name", (cookie: string) => ({ ...PAGE, cookie: `x${cookie}` }), 401],
    ["a wrong key beside it", (cookie: string) => ({ ...PAGE, cookie, authorization: "Bearer x" }), 401],
    ["the plain cookie over https", (cookie: string) => ({ ...PAGE, cookie, host: "api.example.com" }), 401],
  ];

  it.each(REFUSED)("does not count with %s", async (_, headersOf, status) => {
    const browser = setupBrowser(reached);
    const { cookie } = await browser.signIn();
    expect(await statuses(browser, headersOf(cookie))).toEqual([status]);
  });

  const ENDS: readonly [when: string, change: (state: State) => void][] = [
    ["after twelve hours", () => void vi.setSystemTime(1_900_000_000_000 + 12 * HOURS)],
    ["when its key is gone", (state: State) => void (state.id = "other")],
    [
      "when its key is another one under the same id",
      (state: State) => void (state.key = "another-key-of-twenty-characters"),
    ],
    ["when the secret is another one", (state: State) => void (state.secret = newSecret())],
  ];

  it.each(ENDS)("ends %s", async (_, change) => {
    vi.useFakeTimers({ now: 1_900_000_000_000, toFake: ["Date"] });
    const browser = setupBrowser(reached);
    const { cookie } = await browser.signIn();
    change(browser.state);
    // Configured keys are read again after five minutes.
    browser.state.ms += 5 * 60_000;
    expect(await statuses(browser, { ...PAGE, cookie })).toEqual([401]);
  });

  it("goes on while the secret is rotated, and loses the scopes that its key loses", async () => {
    const browser = setupBrowser(reached);
    const { cookie } = await browser.signIn();
    browser.state.secret = `${newSecret()},${browser.state.secret}`;
    browser.state.scopes = ["jobs:read"];
    browser.state.ms += 5 * 60_000;
    const me = allRoutes().filter(({ path }) => path === "/me");
    expect(await statuses(browser, { ...PAGE, cookie }, me)).toEqual([200]);
    expect(await statuses(browser, { ...PAGE, cookie }, changing)).toEqual([403]);
  });

  it("of somebody who only looks changes nothing", async () => {
    const browser = setupBrowser(reached);
    const { cookie } = await browser.signIn({ read_only: true });
    expect(changing.length).toBeGreaterThan(10);
    expect(await statuses(browser, { ...PAGE, cookie }, changing)).toEqual([403]);
  });
});

describe("a session of a key of the database", () => {
  const setup = () => {
    const secret = Buffer.from(newSecret(), "base64url");
    const { id, sha256 } = mintKey(secret);
    const row: StoredKey = { id, sha256, scopes: ["jobs:read"], types: ["send_email"], queues: null, expiresAt: null };
    const state = { row: row as StoredKey | null, ms: 0 };
    const findStored = vi.fn(() => Promise.resolve(state.row));
    const read = () => Promise.resolve({ secret: secret.toString("base64url") });
    const ring = createKeyRing({ read, findStored, log: () => console, elapsedMs: () => state.ms });
    const cookie = `forgeq=${sign(secret, { id, scopes: ["jobs:read"], sha256 })}`;
    const ask = (given = cookie): Promise<ApiKey> => authenticate(ring, { ...PAGE, host: "localhost", cookie: given });
    return { state, findStored, ask, id, sha256 };
  };

  it("has the key's types, and ends within a minute after it was revoked", async () => {
    const { state, findStored, ask } = setup();
    expect(await ask()).toMatchObject({ scopes: ["jobs:read"], types: ["send_email"] });
    state.row = null;
    expect(await ask()).toMatchObject({ types: ["send_email"] });
    state.ms += 60_000;
    await expect(ask()).rejects.toMatchObject({ code: "unauthorized" });
    expect(findStored).toHaveBeenCalledTimes(2);
  });

  it("asks the database for nothing that was not signed here", async () => {
    const { ask, findStored, id, sha256 } = setup();
    const stranger = Buffer.alloc(32, 7);
    const forged = [
      sign(stranger, { id, scopes: ["admin"], sha256 }),
      `e30.${createHmac("sha256", stranger).update("e30").digest("base64url")}`,
      "x".repeat(3000),
      "%00",
    ];
    for (const each of forged) await expect(ask(`forgeq=${each}`)).rejects.toMatchObject({ code: "unauthorized" });
    expect(findStored).not.toHaveBeenCalled();
  });
});
