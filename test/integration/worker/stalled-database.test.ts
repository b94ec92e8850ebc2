import { setTimeout as pause } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { openDeps } from "../../../lib/cli/deps.ts";
import { configure, poolSize, runtime } from "../../../lib/runtime.ts";
import { startForgeq } from "../../support/cli/cli.ts";
import { makeHandlersProject, startServer } from "../../support/cli/project.ts";
import { createTestDatabase } from "../../support/database/database.ts";

const SOON = { timeout: 60_000, interval: 50 };
/** Of each process, what a worker listens with included. */
const POOL = 3;
const LOCKED_MS = 11_000;

it(
  "a server and two workers keep to their pools while a table is locked, go on when it is free, and lose nothing",
  { timeout: 120_000 },
  async () => {
    const { db, url } = await createTestDatabase();
    const cwd = await makeHandlersProject(db);
    const env = { DATABASE_URL: `${url}?application_name=counted`, FORGEQ_POOL: String(POOL) };
    const [server, ...workers] = await Promise.all([
      startServer(cwd, env),
      ...[1, 2].map(async () => {
        const worker = startForgeq(["worker", "--concurrency", "5"], { cwd, env });
        await worker.said(/ready/);
        return worker;
      }),
    ]);
    const processes = 1 + workers.length;
    const sessions = async (): Promise<number> => {
      const [row] = await db.query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity
         where datname = current_database() and application_name = 'counted' and backend_type = 'client backend'`,
      );
      return row!.n;
    };

    const completed = async (): Promise<ReadonlySet<string>> => {
      const rows = await db.query<{ id: string }>("select id from forgeq.job_history where state = 'completed'");
      return new Set(rows.map(({ id }) => id));
    };

    const statuses = new Set<number>();
    const stored: string[] = [];
    let posting = true;
    const post = async (): Promise<number> => {
      const answer = await server.post("/jobs", { type: "steady", payload: {} });
      statuses.add(answer.status);
      const { id } = (await answer.json()) as { id: string };
      if (answer.status === 201) stored.push(id);
      else expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      return answer.status;
    };
    const clients = Array.from({ length: 12 }, async () => {
      while (posting) {
        await post();
        await pause(50);
      }
    });
    await expect.poll(async () => (await completed()).size, SOON).toBeGreaterThan(20);

    const counts: number[] = [];
    await db.transaction(async (tx) => {
      await tx.query("set local statement_timeout = 0");
      await tx.query("lock table forgeq.job in access exclusive mode");
      for (const until = performance.now() + LOCKED_MS; performance.now() < until; await pause(100))
        counts.push(await sessions());
    });
    // One a process may ask the server of a statement that does not end.
    expect(Math.max(...counts)).toBeLessThanOrEqual(processes * (POOL + 1));
    expect([...statuses].sort()).toEqual([201, 503]);
    await expect.poll(post, SOON).toBe(201);
    posting = false;
    await Promise.all(clients);
    const missing = async (): Promise<string[]> => {
      const done = await completed();
      return stored.filter((id) => !done.has(id));
    };
    await expect.poll(missing, SOON).toEqual([]);
    expect(await sessions()).toBeLessThanOrEqual(processes * POOL);
    for (const worker of workers) {
      expect(worker.stderr()).toMatch(/a statement took too long: paused, and trying again/);
      expect(worker.stderr()).not.toMatch(/the database is away/);
    }
  },
);

it("a handler that uses the database of its process takes no connections beyond the pool", async () => {
  const { url } = await createTestDatabase();
  const open = await openDeps({ databaseUrl: url, dir: ".forgeq" }, { migrate: "no", part: "worker" });
  expect((await runtime().deps()).db).toBe(open.deps.db);
  await open.close();
});

it("says of a FORGEQ_POOL that is no number what it is", () => {
  onTestFinished(() => configure({ FORGEQ_POOL: "" }));
  expect(poolSize(7)).toBe(7);
  configure({ FORGEQ_POOL: "12" });
  expect(poolSize(7)).toBe(12);
  for (const wrong of ["0", "many", "-1", "1.5"]) {
    configure({ FORGEQ_POOL: wrong });
    expect(() => poolSize(7)).toThrow("FORGEQ_POOL is a number of connections, 1 to 999");
  }
});
