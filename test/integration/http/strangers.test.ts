/** Who has no valid key costs the database nothing: one that sleeps goes on sleeping. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { createHandler as createApi } from "../../../functions/api.ts";
import { createHandler as createEnqueue } from "../../../functions/enqueue.ts";
import { SCOPES } from "../../../lib/core/scopes.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { nodeListener } from "../../../lib/http/node-adapter.ts";
import { apiOperations } from "../../../lib/http/operations.ts";
import { mintKey } from "../../../lib/http/stored-keys.ts";
import { keysWith, SECRET } from "../../support/http/http.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { plain, setup } from "../../support/queue.ts";

const SERVER_SECRET = randomBytes(32);

/** The functions behind real HTTP, with a pool that nothing has used yet, and what the server counts of a database of its own. */
const serve = async () => {
  const outside = await createTestDatabase({ max: 1 });
  const s = await setup({ realClock: true });
  const db = await connectDb({ url: s.url, max: 2 });
  let uses = 0;
  const counted = new Proxy(db, {
    get: (target, name): unknown => {
      uses += 1;
      return Reflect.get(target, name);
    },
  });
  const deps = { ...s.deps, db: counted };
  // Both kinds of keys: of the database there are some, and forged ones are told by their check.
  const keys = { list: keysWith(...SCOPES), secret: SERVER_SECRET.toString("base64url") };
  const [api, enqueue] = [createApi(deps, keys), createEnqueue(deps, keys, [plain])];
  const listener = nodeListener((method, path) =>
    method === "POST" && /^\/jobs(\/batch)?$/.test(path) ? enqueue : api,
  );
  const server = createServer((request, response) => void listener(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await db.close();
  });
  const name = new URL(s.url).pathname.slice(1);
  await outside.db.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [name]);
  const sessions = async (): Promise<number> => {
    const [row] = await outside.db.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where datname = $1 and backend_type = 'client backend'",
      [name],
    );
    return row!.n;
  };
  const transactions = async (): Promise<number> => {
    const [row] = await outside.db.query<{ n: number }>(
      "select (xact_commit + xact_rollback)::float8 as n from pg_stat_database where datname = $1",
      [name],
    );
    return row!.n;
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  onTestFinished(() => agent.destroy());
  const { port } = server.address() as AddressInfo;
  const ask = (method: string, path: string, key?: string, body?: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = {
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        "content-type": "application/json",
        "x-forgeq-dashboard": "1",
      };
      const sent = httpRequest({ port, method, path, headers, agent }, (response) => {
        response.resume().once("end", () => resolve(response.statusCode ?? 0));
      });
      sent.once("error", reject).end(body);
    });
  return { ask, sessions, transactions, uses: () => uses };
};

/** What docs/sleep.md says never wakes a database, with a key of the settings: a request, its answer, and its words in the table. */
const NEVER: readonly (readonly [string, number, string, string?])[] = [
  ["GET /health", 200, "`GET /health`"],
  ["HEAD /health", 200, "`GET /health`"],
  ["GET /openapi.json", 200, "`GET /openapi.json`"],
  ["GET /me", 200, "`GET /me`"],
  ["GET /session", 200, "`GET /session`"],
  ["DELETE /session", 204, "`DELETE /session`"],
  ["POST /session", 200, "`POST /session`", JSON.stringify({ key: SECRET })],
  ["GET /dashboard", 200, "`GET /dashboard`"],
  ["GET /dashboard/no-such-file.js", 404, "`GET /dashboard`"],
  ["GET /docs", 200, "`GET /docs`"],
  ["POST /schedules/preview", 200, "`POST /schedules/preview`", JSON.stringify({ cron: "@daily" })],
  ["OPTIONS /jobs", 204, "`OPTIONS`"],
  ["GET /nothing", 404, "404"],
  ["DELETE /jobs", 405, "405"],
  ["GET /jobs?bogus=1", 400, "400"],
  ["POST /jobs", 422, "422", "{}"],
  ["POST /queues/plain/pause", 422, "422", '{"bogus":1}'],
];

const ROUTES = [
  ["GET", "/jobs"],
  ["POST", "/jobs"],
  ["POST", "/queues/plain/pause"],
  ["GET", "/metrics"],
  ["GET", "/health?deep=1"],
] as const;

it("10,000 requests without a valid key and 1,000 to /health begin no transaction and open no session", async () => {
  const { ask, sessions, transactions } = await serve();
  await expect.poll(sessions, { timeout: 10_000 }).toBe(0);
  const before = await transactions();
  const forged = [`fq_0123456789ab_${"A".repeat(43)}_AAAAAAAAAAA`, mintKey(randomBytes(32)).key];
  for (let round = 0; round < 110; round += 1) {
    const statuses = await Promise.all(
      Array.from({ length: 100 }, (_, n) => {
        if (n >= 91) return ask("GET", "/health");
        const [method, path] = ROUTES[n % ROUTES.length]!;
        const key = [`wrong-${round}-${n}-${"x".repeat(20)}`, forged[n % 2], undefined][n % 3];
        return ask(method, path, key, method === "POST" ? "{}" : undefined);
      }),
    );
    expect(new Set(statuses.slice(0, 91))).toEqual(new Set([401]));
    expect(new Set(statuses.slice(91))).toEqual(new Set([200]));
  }
  expect(await sessions()).toBe(0);
  expect(await transactions()).toBe(before);

  // The instruments see what a valid key costs.
  expect(await ask("GET", "/jobs", mintKey(SERVER_SECRET).key)).toBe(401);
  expect(await sessions()).toBeGreaterThan(0);
  await expect.poll(transactions, { timeout: 10_000 }).toBeGreaterThan(before);
  expect(await ask("GET", "/jobs", SECRET)).toBe(200);
}, 120_000);

it("what the page on sleep says never wakes the database opens no session with it, and every other GET does", async () => {
  const { ask, sessions, transactions, uses } = await serve();
  await expect.poll(sessions, { timeout: 10_000 }).toBe(0);
  const before = await transactions();
  const never = /^\| never +\|(.*)\|$/m.exec(readFileSync("docs/sleep.md", "utf8"))?.[1];
  for (const [request, status, words, body] of NEVER) {
    const [method = "", path = ""] = request.split(" ");
    expect([request, await ask(method, path, SECRET, body)]).toEqual([request, status]);
    expect(never).toContain(words);
  }
  expect(await sessions()).toBe(0);
  expect(await transactions()).toBe(before);

  for (const { method, path } of Object.values(apiOperations).filter((each) => each.method === "GET")) {
    if (NEVER.some(([request]) => request === `${method} ${path}`) || /^\/(dashboard|docs)/.test(path)) continue;
    const used = uses();
    await ask(method, path.replace("{id}", uuidV7()).replace(/\{\w+\}/, "plain"), SECRET);
    expect([path, uses() > used]).toEqual([path, true]);
  }
  expect(await sessions()).toBeGreaterThan(0);
}, 60_000);
