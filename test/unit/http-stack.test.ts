import { describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { ForgeqError } from "../../lib/core/errors.ts";
import { httpFunction } from "../../lib/http/function.ts";
import type { Route } from "../../lib/http/router.ts";
import { anyBody } from "../support/http/bodies.ts";
import { ALL_SCOPES, CONTEXT, eventOf, keysWith, send } from "../support/http/http.ts";
import type { TestRequest } from "../support/http/http.ts";

const MAX_BYTES = 1000;

const route = (method: Route["method"], path: Route["path"], more: Partial<Route> = {}): Route => ({
  method,
  path,
  scopes: ["jobs:read"],
  run: async ({ params, query, body, key }) =>
    Promise.resolve({ status: 200, body: { params, query, body: body ?? null, keyId: key?.id } }),
  ...more,
});

const ROUTES = [
  route("GET", "/things/{id}", { query: z.strictObject({ a: z.array(z.string()).exactOptional() }), repeatable: ["a"] }), // prettier-ignore
  route("POST", "/things", { scopes: ["jobs:write"], body: anyBody(MAX_BYTES) }),
  route("POST", "/things/{id}/stop", { scopes: ["jobs:manage"] }),
  route("GET", "/open", { scopes: [] }),
  route("GET", "/broken", { run: () => Promise.reject(new Error("select 1")) }),
  route("GET", "/full", { run: () => Promise.reject(new ForgeqError("queue_full", "The queue is full")) }),
];

const setup = (keys: string | undefined = ALL_SCOPES) => {
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const handler = httpFunction({ logger }, keys, () => ROUTES);
  return { logger, handler, ask: (request: TestRequest) => send(handler, request) };
};

describe("an HTTP function", () => {
  it("gives a route its parameters, query, body and key", async () => {
    const { ask } = setup();
    expect(await ask({ path: "/things/17", query: "a=1&a=%202" })).toMatchObject({
      status: 200,
      body: {
        params: { id: "17" },
        query: { a: ["1", " 2"] },
        body: null,
        keyId: "test",
      },
    });
    expect((await ask({ path: "/things", body: { a: 1 } })).body).toMatchObject({ body: { a: 1 } });
  });

  it("puts the request id and the security headers on answers and on errors", async () => {
    const { ask } = setup();
    for (const path of ["/things/17", "/nowhere"]) {
      expect((await ask({ path })).headers).toMatchObject({
        "x-request-id": "request-1",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "strict-transport-security": expect.stringContaining("max-age") as string,
      });
    }
    expect((await ask({ path: "/nowhere" })).body).toHaveProperty("request_id", "request-1");
  });

  it("answers 404 where there is nothing and 405 where there is another method", async () => {
    const { ask } = setup();
    for (const path of ["/", "/thing", "/things/", "/things/1/2", "/things/1/stop/now", "//open", "/Open"])
      expect(await ask({ path })).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(await ask({ path: "/things/1", method: "DELETE" })).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD, OPTIONS" },
      body: { code: "method_not_allowed" },
    });
  });

  it("takes the stage off the path", async () => {
    const { handler } = setup();
    const event = eventOf({ path: "/live/open" });
    event.requestContext.stage = "live";
    expect(await handler(event, { ...CONTEXT })).toHaveProperty("statusCode", 200);
  });

  it("takes no stage off that the gateway did not put there", async () => {
    const { ask } = setup();
    for (const path of ["/$default/open", "//open", "/open/", "/undefined/open"])
      expect(await ask({ path })).toMatchObject({ status: 404 });
  });

  it("lets only the right keys through, and everybody where it is open", async () => {
    const { ask } = setup(keysWith("jobs:read"));
    expect(await ask({ path: "/things/1" })).toMatchObject({ status: 200 });
    expect(await ask({ path: "/things/1", headers: { authorization: "" } })).toMatchObject({
      status: 401,
      headers: { "www-authenticate": 'Bearer realm="forgeq"' },
      body: { code: "unauthorized" },
    });
    expect(await ask({ path: "/things/1/stop", method: "POST" })).toMatchObject({
      status: 403,
      body: { code: "forbidden", scope: "jobs:manage" },
    });
    expect(await ask({ path: "/open", headers: { authorization: "" } })).toMatchObject({ status: 200 });
  });

  it("authenticates before it looks at the body", async () => {
    const { ask } = setup();
    expect(await ask({ path: "/things", body: "{", headers: { authorization: "Bearer no" } })).toHaveProperty(
      "status",
      401,
    );
  });

  it("refuses everything but the open routes when no key is configured, and says so in the log", async () => {
    const { ask, logger } = setup("");
    expect(await ask({ path: "/things/1" })).toHaveProperty("status", 401);
    expect(await ask({ path: "/open" })).toHaveProperty("status", 200);
    expect(logger.error).toHaveBeenCalledWith(expect.stringContaining("no API keys"));
  });

  it("refuses everything but the open routes when the keys are malformed", async () => {
    const { ask, logger } = setup("[{]");
    expect(await ask({ path: "/things/1" })).toMatchObject({ status: 500, body: { code: "internal" } });
    expect(await ask({ path: "/open" })).toHaveProperty("status", 200);
    expect(JSON.stringify(logger.error.mock.calls)).toContain("FORGEQ_API_KEYS is not valid");
  });

  it("takes JSON only", async () => {
    const { ask } = setup();
    const withType = async (type: string, more = {}) =>
      (await ask({ path: "/things", body: "{}", headers: { "content-type": type, ...more } })).status;
    for (const type of ["application/json", "Application/JSON; charset=utf-8", "application/vnd.forgeq+json"])
      expect(await withType(type)).toBe(200);
    for (const type of ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json"])
      expect(await withType(type)).toBe(415);
    expect(await withType("application/json", { "content-encoding": "gzip" })).toBe(415);
  });

  it("takes header names in any case", async () => {
    const { handler } = setup();
    const event = eventOf({ path: "/things", body: {} });
    event.headers = Object.fromEntries(
      Object.entries(event.headers).map(([name, value]) => [name.toUpperCase(), value]),
    );
    expect(await handler(event, { ...CONTEXT })).toHaveProperty("statusCode", 200);
  });

  it("reads base64 bodies, and refuses what is not UTF-8", async () => {
    const { ask } = setup();
    const base64 = (bytes: Buffer) => ask({ path: "/things", body: bytes.toString("base64"), isBase64Encoded: true });
    expect(await base64(Buffer.from('{"a":"é"}'))).toMatchObject({ status: 200, body: { body: { a: "é" } } });
    expect(await base64(Buffer.from([0x22, 0xff, 0x22]))).toMatchObject({
      status: 400,
      body: { code: "malformed_json" },
    });
  });

  it("refuses bodies above the limit, counted in bytes and decoded", async () => {
    const { ask } = setup();
    const ofBytes = (count: number) => `"${"é".repeat((count - 2) / 2)}"`;
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    expect(await ask({ path: "/things", body: ofBytes(MAX_BYTES) })).toHaveProperty("status", 200);
    expect(await ask({ path: "/things", body: base64(ofBytes(MAX_BYTES)), isBase64Encoded: true })).toHaveProperty(
      "status",
      200,
    );
    for (const body of [ofBytes(MAX_BYTES + 2), " ".repeat(MAX_BYTES + 1)])
      expect(await ask({ path: "/things", body })).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
    expect(await ask({ path: "/things", body: base64(ofBytes(MAX_BYTES + 2)), isBase64Encoded: true })).toHaveProperty(
      "status",
      413,
    );
  });

  it("refuses what is not JSON", async () => {
    const { ask } = setup();
    for (const body of ["", " ", "{", "undefined"])
      expect(await ask({ path: "/things", body })).toMatchObject({ status: 400, body: { code: "malformed_json" } });
    expect(
      await ask({ path: "/things", method: "POST", headers: { "content-type": "application/json" } }),
    ).toHaveProperty("status", 400);
    expect(await ask({ path: "/things", body: '{"a":[1e999]}' })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: "/a/0" }] },
    });
  });

  it("answers what a route throws", async () => {
    const { ask, logger } = setup();
    expect(await ask({ path: "/full" })).toMatchObject({ status: 429, headers: { "retry-after": "5" } });
    expect(logger.error).not.toHaveBeenCalled();
    expect(await ask({ path: "/broken" })).toMatchObject({ status: 500, body: { code: "internal" } });
    expect(logger.error).toHaveBeenCalledOnce();
  });

  it("answers 503 shortly before the function's time is up", async () => {
    const slow = route("GET", "/slow", { scopes: [], run: () => new Promise(() => undefined) });
    const handler = httpFunction(
      { logger: { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } },
      ALL_SCOPES,
      () => [slow],
    );
    const answer = await handler(eventOf({ path: "/slow" }), { ...CONTEXT, getRemainingTimeInMillis: () => 260 });
    expect(answer).toMatchObject({ statusCode: 503, headers: { "retry-after": "5" } });
  });

  it("sets up at the first request, once, and again when that failed", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const deps = vi.fn(() =>
      Promise.resolve({ logger: { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } }),
    );
    deps.mockRejectedValueOnce(new ForgeqError("database_unavailable", "No database yet"));
    const handler = httpFunction(deps, ALL_SCOPES, (get) => [
      route("GET", "/open", { scopes: [], run: async () => get().then(() => ({ status: 200, body: {} })) }),
    ]);
    expect(deps).not.toHaveBeenCalled();
    expect(await send(handler, { path: "/open" })).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
    const answers = await Promise.all([1, 2, 3].map(() => send(handler, { path: "/open" })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(deps).toHaveBeenCalledTimes(2);
    expect(log).toHaveBeenCalledOnce();
    log.mockRestore();
  });
});
