import type { Role } from "../../lib/db/schema/role-names.ts";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Db } from "../../lib/db/drivers/client.ts";
import { startForgeq } from "../support/cli/cli.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { logIn } from "../support/database/roles.ts";
import { startOtlpReceiver } from "../support/observe/otlp.ts";
import { buildHandlers, startProcesses } from "../support/cli/processes.ts";
import { makeHandlersProject, startServer } from "../support/cli/project.ts";
import { ROOT } from "../support/cli/start-local.ts";

// Generous: the machine may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const SOON = { timeout: 60_000, interval: 100 };

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CLIENT = "b7ad6b7169203331";
const HEADERS = { traceparent: `00-${TRACE}-${CLIENT}-01` };
const CHAIN = { type: "relay", payload: { hops: 1, failures: 1 } };

let handlers: Awaited<ReturnType<typeof buildHandlers>>;
beforeAll(async () => {
  handlers = await buildHandlers();
});
afterAll(() => handlers?.remove());

/** The ids of `jobs` jobs in their order, once they have completed. */
const untilCompleted = async (db: Db, jobs: number): Promise<string[]> => {
  const ids = async () =>
    (await db.query<{ id: string }>("select id from forgeq.job_history where state = 'completed' order by id")).map(
      ({ id }) => id,
    );
  await expect.poll(async () => (await ids()).length, SOON).toBe(jobs);
  return ids();
};

/** From the client's request to the handler's second attempt, to the job that it enqueued, to that one's attempt. */
const chainOf = ([first, second]: readonly string[]): string[] => [
  `send shared, producer ${first}`,
  `  process shared, consumer ${first} 1 retry TypeError error linked`,
  `  process shared, consumer ${first} 2 completed linked`,
  "    work, internal",
  `      send shared, producer ${second}`,
  `        process shared, consumer ${second} 1 completed linked`,
  "          work, internal",
];

/** What packing `node_modules/@opentelemetry/api` with a function does. */
const packApi = (): void => {
  const scope = join(handlers.path, "node_modules", "@opentelemetry");
  mkdirSync(scope, { recursive: true });
  symlinkSync(join(ROOT, "node_modules", "@opentelemetry", "api"), join(scope, "api"));
};

it("says so where the API is not packed with the functions, and runs all the same", async () => {
  const receiver = await startOtlpReceiver();
  const { db, http, log } = await startProcesses({ handlers: handlers.path, env: () => receiver.env });
  await http("enqueue", { path: "/jobs", body: { type: "steady", payload: {} }, headers: HEADERS });
  await untilCompleted(db, 1);
  expect(await db.query("select traceparent from forgeq.job_history")).toEqual([HEADERS]);
  expect(log.join("\n")).toContain("@opentelemetry/api is not installed beside ForgeQ");
  expect(receiver.spans).toEqual([]);
});

it("follows a job from the client's request through its attempts to the job that it enqueued, on Lambda", async () => {
  packApi();
  const receiver = await startOtlpReceiver();
  const { db, http } = await startProcesses({ handlers: handlers.path, env: () => receiver.env });
  const { status } = await http("enqueue", { path: "/jobs", body: CHAIN, headers: HEADERS });
  expect(status).toBe(201);
  const ids = await untilCompleted(db, 2);
  await expect.poll(() => receiver.below(TRACE, CLIENT), SOON).toEqual(chainOf(ids));
  expect(receiver.spans.filter(({ traceId }) => traceId !== TRACE)).toEqual([]);
  expect(receiver.bodies.join()).not.toContain("not yet");
});

it("does the same from forgeq server to forgeq worker", async () => {
  const receiver = await startOtlpReceiver();
  const s = await createTestDatabase();
  const { db } = s;
  const cwd = await makeHandlersProject(db);
  const as = async (...roles: Role[]) => ({ DATABASE_URL: (await logIn(s, roles)).url, ...receiver.env });
  const server = await startServer(cwd, await as("enqueue", "manage"));
  const worker = startForgeq(["worker"], { cwd, env: await as("worker") });
  await worker.said(/Worker ready/);
  expect((await server.post("/jobs", CHAIN, HEADERS)).status).toBe(201);
  const ids = await untilCompleted(db, 2);
  for (const { child } of [server, worker]) child.kill("SIGTERM");
  expect([(await server.ended).code, (await worker.ended).code]).toEqual([0, 0]);
  expect(receiver.below(TRACE, CLIENT)).toEqual(chainOf(ids));
  expect(receiver.spans.filter(({ traceId }) => traceId !== TRACE)).toEqual([]);
});
