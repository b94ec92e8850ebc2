import { createServer, type RequestListener } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { defineJob } from "../../../lib/job.ts";
import { createForgeq, type Forgeq, migrate } from "../../../lib/server.ts";
import { listen } from "../../../lib/cli/listen.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";

const greet = defineJob({ type: "greet", payload: z.object({ name: z.string() }) });
const KEY = "key-of-the-test-that-is-long-enough";
const AUTHORIZED = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };

let database: TestDatabase;
let forgeq: Forgeq;
let origin = "";
const closes: (() => Promise<unknown>)[] = [];

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  closes.push(() => new Promise((done) => server.close(done)));
  return listen(server, 0, "127.0.0.1", "port");
};

beforeAll(async () => {
  process.env["FORGEQ_API_KEY"] = KEY;
  database = await createTestDatabase({ empty: true });
  await migrate({ jobs: [greet], databaseUrl: database.url });
  forgeq = createForgeq({ jobs: [greet], basePath: "/queue", databaseUrl: database.url });
  origin = await serve((request, response) => void forgeq.listener(request, response));
});
afterAll(async () => {
  await forgeq.close();
  for (const close of closes) await close();
  await database.drop();
  delete process.env["FORGEQ_API_KEY"];
});

/** The same requests, over HTTP and to the fetch handler. */
const ways: Record<string, (path: string, init?: RequestInit) => Promise<Response>> = {
  listener: (path, init) => fetch(origin + path, init),
  fetch: (path, init) => forgeq.fetch(new Request(`http://own.example${path}`, init)),
};

describe.each(Object.keys(ways))("the API below a prefix, by its %s", (way) => {
  const ask = ways[way]!;
  const post = (body: unknown, headers: Record<string, string> = AUTHORIZED) =>
    ask("/queue/jobs", { method: "POST", headers, body: JSON.stringify(body) });

  it("stores a job, says where it is, and reads it there", async () => {
    const stored = await post({ type: "greet", payload: { name: "Ada é" } });
    expect(stored.status).toBe(201);
    const location = stored.headers.get("location")!;
    expect(location).toMatch(/^\/queue\/jobs\/[\da-f-]{36}$/);
    const read = await ask(location, { headers: AUTHORIZED });
    expect(await read.json()).toMatchObject({ type: "greet", state: "pending", payload: { name: "Ada é" } });
    const page = (await (await ask("/queue/jobs?type=greet&limit=1", { headers: AUTHORIZED })).json()) as {
      data: unknown[];
    };
    expect(page.data).toHaveLength(1);
  });

  it("refuses who has no key, another type, a wrong payload and a body that is too large", async () => {
    expect((await post({ type: "greet", payload: {} }, {})).status).toBe(401);
    expect(await (await post({ type: "wave", payload: {} })).json()).toMatchObject({ code: "unknown_type" });
    expect(await (await post({ type: "greet", payload: {} })).json()).toMatchObject({ code: "invalid_payload" });
    expect((await post({ type: "greet", payload: { name: "a".repeat(2_000_000) } })).status).toBe(413);
  });

  it("answers HEAD without a body, serves the dashboard, and knows nothing beside its prefix", async () => {
    const head = await ask("/queue/health", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const page = await ask("/queue/dashboard");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect((await ask("/health")).status).toBe(404);
    expect((await ask("/queue/nothing", { headers: AUTHORIZED })).status).toBe(404);
  });
});

it("keeps the whole path where a framework has cut the prefix off", async () => {
  const mounted = await serve((request, response) => {
    const { url = "" } = request;
    void forgeq.listener(Object.assign(request, { originalUrl: url, url: url.slice("/queue".length) }), response);
  });
  expect((await fetch(`${mounted}/queue/health`)).status).toBe(200);
});

it("refuses a base path that is none", () => {
  expect(() => createForgeq({ jobs: [], basePath: "queue/" })).toThrow(/begins with a slash/);
});

it("answers 503 while the database is away, and goes on when it is there", async () => {
  const held = createTcpServer((socket) => socket.destroy());
  await new Promise<void>((done) => held.listen(0, "127.0.0.1", done));
  closes.push(() => new Promise((done) => held.close(done)));
  const { port } = held.address() as { port: number };
  const away = createForgeq({ jobs: [greet], databaseUrl: `postgres://nobody:x@127.0.0.1:${port}/none` });
  closes.push(() => away.close());
  const answer = await away.fetch(new Request("http://own.example/jobs", { headers: AUTHORIZED }));
  expect([answer.status, answer.headers.get("content-type")]).toEqual([503, "application/problem+json"]);
  expect((await away.fetch(new Request("http://own.example/health"))).status).toBe(200);
});
