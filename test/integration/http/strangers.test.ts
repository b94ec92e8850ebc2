/** Who has no valid key costs the database nothing: one that sleeps goes on sleeping. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { createHandler as createApi } from "../../../functions/api.ts";
import { createHandler as createEnqueue } from "../../../functions/enqueue.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { nodeListener } from "../../../lib/http/node-adapter.ts";
import { mintKey } from "../../../lib/http/stored-keys.ts";
import { ALL_SCOPES, SECRET } from "../../support/http/http.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { plain, setup } from "../../support/queue.ts";

const SERVER_SECRET = randomBytes(32);

/** The functions behind real HTTP, with a pool that nothing has used yet, and what the server counts of a database of its own. */
const serve = async () => {
  const outside = await createTestDatabase({ max: 1 });
  const s = await setup({ realClock: true });
  const db = await connectDb({ url: s.url, max: 2 });
  const deps = { ...s.deps, db };
  // Both kinds of keys: of the database there are some, and forged ones are told by their check.
  const keys = { list: ALL_SCOPES, secret: SERVER_SECRET.toString("base64url") };
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
      };
      const sent = httpRequest({ port, method, path, headers, agent }, (response) => {
        response.resume().once("end", () => resolve(response.statusCode ?? 0));
      });
      sent.once("error", reject).end(body);
    });
  return { ask, sessions, transactions };
};

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
