/** What is the same of every answer, whatever route it is of. */
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { describe, expect, it, vi } from "vitest";
import { parseWebSettings } from "../../lib/core/web-settings.ts";
import { encodingFor } from "../../lib/http/compress.ts";
import { httpFunction } from "../../lib/http/function.ts";
import type { Route } from "../../lib/http/router.ts";
import { anyBody } from "../support/http/bodies.ts";
import { ALL_SCOPES, CONTEXT, eventOf, type TestRequest } from "../support/http/http.ts";

const LARGE = { text: "é".repeat(600), list: Array.from({ length: 300 }, (_, n) => n) };
const ORIGIN = "https://app.example.com";

const answering = (body: unknown, more: Partial<Route> = {}): Route => ({
  method: "GET",
  path: "/things",
  scopes: ["jobs:read"],
  run: () => Promise.resolve({ status: 200, body }),
  ...more,
});

const ROUTES = [
  answering({ small: true }),
  answering(LARGE, { path: "/large" }),
  answering({}, { method: "POST", body: anyBody(1000), run: () => Promise.resolve({ status: 201, headers: { location: "/things/1" }, body: { ok: true } }) }), // prettier-ignore
  answering({}, { method: "DELETE", run: () => Promise.resolve({ status: 204, body: undefined }) }),
  answering({}, { path: "/paths", run: ({ basePath }) => Promise.resolve({ status: 200, body: { basePath } }) }),
];

const setup = (web: Parameters<typeof parseWebSettings>[0] = {}) => {
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const elsewhere = [{ method: "PUT", path: "/large", scopes: [] }] as const;
  const handler = httpFunction({ logger }, ALL_SCOPES, () => ROUTES, { elsewhere, web: () => web });
  const ask = async (request: TestRequest) => {
    const result = await handler(eventOf(request), { ...CONTEXT });
    return { ...result, headers: (result.headers ?? {}) as Record<string, string> };
  };
  return { ask, logger };
};

const bytesOf = ({ body = "", isBase64Encoded }: APIGatewayProxyStructuredResultV2) =>
  Buffer.from(body, isBase64Encoded === true ? "base64" : "utf8");

describe("an answer of more than a kilobyte", () => {
  it.each([
    ["br", brotliDecompressSync],
    ["gzip", gunzipSync],
  ])("is compressed as %s for who accepts it", async (encoding, decompress) => {
    const { ask } = setup();
    const answer = await ask({ path: "/large", headers: { "accept-encoding": encoding } });
    expect(answer).toMatchObject({
      isBase64Encoded: true,
      headers: { "content-encoding": encoding, vary: "accept-encoding" },
    });
    expect(JSON.parse(decompress(bytesOf(answer)).toString())).toEqual(LARGE);
    expect(bytesOf(answer).length).toBeLessThan(JSON.stringify(LARGE).length / 2);
  });

  it("is as it is for others, and says that it varies", async () => {
    const answer = await setup().ask({ path: "/large" });
    expect(JSON.parse(answer.body ?? "")).toEqual(LARGE);
    expect(answer.headers).toMatchObject({ vary: "accept-encoding" });
    expect(answer.headers).not.toHaveProperty("content-encoding");
  });

  it("is the only one that is compressed", async () => {
    const answer = await setup().ask({ path: "/things", headers: { "accept-encoding": "br" } });
    expect(answer.body).toBe('{"small":true}');
    expect(answer.headers).not.toHaveProperty("vary");
  });
});

it.each([
  [undefined, null],
  ["", null],
  ["identity", null],
  ["gzip", "gzip"],
  ["gzip, deflate, br", "br"],
  ["GZIP;Q=1.0, br;q=0.5", "gzip"],
  ["br;q=0, gzip;q=0", null],
  ["*", "br"],
  ["br;q=0, *;q=0.1", "gzip"],
  ["gzip;q=oops", null],
] as const)("of %j the encoding is %j", (accepted, encoding) => {
  expect(encodingFor(accepted)).toBe(encoding);
});

describe("an entity tag", () => {
  it("is the same for the same bytes, whatever they are encoded as, and saves sending them again", async () => {
    const { ask } = setup();
    const { etag } = (await ask({ path: "/large" })).headers;
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    expect((await ask({ path: "/large", headers: { "accept-encoding": "br" } })).headers).toMatchObject({ etag });
    expect((await ask({ path: "/things" })).headers["etag"]).not.toBe(etag);
    for (const given of [etag, `"other", ${etag}`, etag!.replace("W/", ""), "*"]) {
      const again = await ask({ path: "/large", headers: { "if-none-match": given! } });
      expect(again).toMatchObject({ statusCode: 304, body: "", headers: { etag, "x-request-id": "request-1" } });
      expect(again.headers).not.toHaveProperty("content-type");
    }
    expect(await ask({ path: "/large", headers: { "if-none-match": '"other"' } })).toMatchObject({ statusCode: 200 });
  });

  it("is on successful reads alone", async () => {
    const { ask } = setup();
    expect((await ask({ path: "/things", body: {} })).headers).not.toHaveProperty("etag");
    expect((await ask({ path: "/nowhere", headers: { "if-none-match": "*" } })).statusCode).toBe(404);
  });
});

describe("HEAD", () => {
  it("is answered as GET is, without the content", async () => {
    const { ask } = setup();
    const got = await ask({ path: "/large", headers: { "accept-encoding": "gzip" } });
    const head = await ask({ path: "/large", method: "HEAD", headers: { "accept-encoding": "gzip" } });
    expect(head).toEqual({ ...got, body: "", isBase64Encoded: false });
    expect(await ask({ path: "/large", method: "HEAD", headers: { authorization: "" } })).toMatchObject({
      statusCode: 401,
      body: "",
    });
  });
});

describe("OPTIONS", () => {
  it("says what a path takes, without a key, also what other functions take there", async () => {
    const { ask } = setup();
    const options = (path: string) => ask({ path, method: "OPTIONS", headers: { authorization: "" } });
    expect(await options("/things")).toMatchObject({
      statusCode: 204,
      headers: { allow: "GET, HEAD, POST, DELETE, OPTIONS" },
    });
    expect(await options("/large")).toMatchObject({ headers: { allow: "GET, HEAD, PUT, OPTIONS" } });
    expect(await options("/nowhere")).toMatchObject({ statusCode: 404 });
  });
});

it("an answer without content has no content type", async () => {
  const answer = await setup().ask({ path: "/things", method: "DELETE" });
  expect(answer.statusCode).toBe(204);
  expect(answer.headers).not.toHaveProperty("content-type");
});

describe("pages of other origins", () => {
  const crossing = (headers: Record<string, string>) => Object.keys(headers).filter((name) => name.includes("access-control")); // prettier-ignore

  it("may read nothing unless their origin is configured, exactly", async () => {
    const askers = [setup(), setup({ origins: `${ORIGIN},http://localhost:5173` })];
    const origins = ["https://app.example.com.evil.example", "http://app.example.com", "https://app.example.com:444", "null", "*"]; // prettier-ignore
    for (const { ask } of askers)
      for (const origin of origins) {
        expect(crossing((await ask({ path: "/things", headers: { origin } })).headers)).toEqual([]);
        const headers = { origin, "access-control-request-method": "POST" };
        expect(crossing((await ask({ path: "/things", method: "OPTIONS", headers })).headers)).toEqual([]);
      }
    expect(crossing((await askers[0]!.ask({ path: "/things", headers: { origin: ORIGIN } })).headers)).toEqual([]);
  });

  it("may read what a configured origin asks for, errors too, and never with cookies", async () => {
    const { ask } = setup({ origins: `http://localhost:5173, ${ORIGIN}` });
    const answers = [
      await ask({ path: "/things", headers: { origin: ORIGIN } }),
      await ask({ path: "/nowhere", headers: { origin: ORIGIN } }),
      await ask({ path: "/things", headers: { origin: ORIGIN, authorization: "" } }),
    ];
    for (const { headers } of answers) {
      expect(headers).toMatchObject({ "access-control-allow-origin": ORIGIN, vary: "origin" });
      expect(headers["access-control-expose-headers"]).toContain("x-request-id");
      expect(headers).not.toHaveProperty("access-control-allow-credentials");
    }
    expect((await ask({ path: "/large", headers: { origin: ORIGIN } })).headers["vary"]).toBe("origin, accept-encoding"); // prettier-ignore
    expect((await ask({ path: "/things" })).headers["vary"]).toBe("origin");
  });

  it("are told by a preflight what they may send", async () => {
    const { ask } = setup({ origins: ORIGIN });
    const headers = { origin: ORIGIN, "access-control-request-method": "POST", authorization: "" };
    const { headers: told } = await ask({ path: "/things", method: "OPTIONS", headers });
    expect(told).toMatchObject({
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-methods": "GET, HEAD, POST, DELETE, OPTIONS",
    });
    expect(told["access-control-allow-headers"]).toMatch(/authorization, content-type/);
    expect(told).not.toHaveProperty("access-control-allow-credentials");
  });
});

describe("a base path", () => {
  it("comes before each path, and is in Location", async () => {
    const { ask } = setup({ basePath: "/queue/v1" });
    expect(await ask({ path: "/queue/v1/things" })).toMatchObject({ statusCode: 200 });
    expect(await ask({ path: "/queue/v1/things", body: {} })).toMatchObject({
      statusCode: 201,
      headers: { location: "/queue/v1/things/1" },
    });
    for (const path of ["/things", "/queue/v1", "/queue/v1x/things", "/queue/v1//things", "/Queue/v1/things"])
      expect([path, (await ask({ path })).statusCode]).toEqual([path, 404]);
    expect(JSON.parse((await ask({ path: "/queue/v1/paths" })).body ?? "")).toEqual({ basePath: "/queue/v1" });
  });
});

describe("settings that are not valid", () => {
  it.each(["queue", "/queue/", "/", "//queue", "/a b", "/../x", "/%2f", "https://x.example"])("%j is no base path", (basePath) => {
    expect(() => parseWebSettings({ basePath })).toThrow("FORGEQ_BASE_PATH is not valid");
  }); // prettier-ignore

  it.each(["*", "null", "app.example.com", "https://app.example.com/", "https://*.example.com", "ftp://a.example"])(
    "%j is no origin",
    (origins) => {
      expect(() => parseWebSettings({ origins: `${ORIGIN},${origins}` })).toThrow(/FORGEQ_CORS_ORIGINS is not valid/);
    },
  );

  it("refuse every request, and the log says why", async () => {
    const { ask, logger } = setup({ origins: "*" });
    const answer = await ask({ path: "/things", headers: { origin: ORIGIN } });
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain("FORGEQ");
    expect(JSON.stringify(logger.error.mock.calls)).toContain("FORGEQ_CORS_ORIGINS is not valid");
  });
});
