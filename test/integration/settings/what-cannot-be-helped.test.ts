import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { examine } from "../../../lib/cli/checks.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { getJob } from "../../../lib/db/reads/job.ts";
import { createEnqueue } from "../../../lib/functions/create-enqueue.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { neonOf } from "../../support/database/drivers.ts";
import { startPooler, hasPooler } from "../../support/database/pooler.ts";
import { migrate } from "../../../lib/db/schema/migrate.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, setup } from "../../support/queue.ts";
import { apply } from "../../support/settings/settings.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

const settingsOf = async (connection: Parameters<typeof examine>[0]) =>
  (await examine(connection, [], "always")).find(({ check }) => check === "settings");

it("reads where transactions are read only, takes nothing, and doctor says why", async () => {
  const s = await setup();
  const [id] = await s.queue.enqueue();
  await apply(s.url, { name: "read only", database: ["default_transaction_read_only = on"] });
  const db = await connectDb({ url: s.url });
  onTestFinished(() => db.close());
  await expect(enqueueJobs({ ...s.deps, db }, [{ type: "plain", payload: {} }])).rejects.toMatchObject({
    code: "database_unavailable",
  });
  expect(await getJob(db, id!, null)).toMatchObject({ state: "pending" });
  expect(await settingsOf({ url: s.url })).toMatchObject({
    level: "problem",
    found: expect.stringContaining("read only") as string,
    cure: "alter database NAME set default_transaction_read_only = off",
  });
});

it("says that instants can't be read over Neon's HTTP where DateStyle is not ISO", async () => {
  const { url } = await createTestDatabase();
  await apply(url, { name: "German", database: ["datestyle = 'German'"] });
  const { fetchEndpoint, wsProxy } = await neonOf(url);
  expect(await settingsOf({ url, driver: "neon", fetchEndpoint, wsProxy })).toMatchObject({
    level: "problem",
    found: expect.stringContaining("DateStyle") as string,
  });
  expect(await settingsOf({ url })).toMatchObject({ level: "ok" });
});

it.each(["pg", "neon"] as const)("claims in a serializable database over %s", async (driver) => {
  const s = await setup();
  const [id] = await s.queue.enqueue();
  await apply(s.url, { name: "serializable", database: ["default_transaction_isolation = 'serializable'"] });
  const { fetchEndpoint, wsProxy } = await neonOf(s.url);
  const db = await connectDb({ url: s.url, driver, ...(driver === "neon" && { fetchEndpoint, wsProxy }) });
  onTestFinished(() => db.close());
  const [claimed] = await db.query<{ outcome: string }>(
    "select outcome from forgeq.claim('plain', $1::uuid, 10, null)",
    [id],
  );
  expect(claimed).toEqual({ outcome: "claimed" });
});

it.runIf(hasPooler)("reads instants through a pooler of a database that writes them otherwise", async () => {
  const s = await setup();
  const [id] = await s.queue.enqueue();
  await apply(s.url, { name: "German", database: ["datestyle = 'German'"] });
  const db = await connectDb({ url: await startPooler(s.url, 2) });
  onTestFinished(() => db.close());
  expect((await getJob(db, id!, null))?.createdAt.getTime()).toBeGreaterThan(Date.now() - 60_000);
});

it("runs a job once whose result, error or note the database can't write", async () => {
  const database = await createTestDatabase({ encoding: "LATIN1" });
  await migrate(database.db);
  const { queue, start, deps } = await setupWorkers({ database });
  const answer = await send(createEnqueue(deps, ALL_SCOPES, [plain]), {
    path: "/jobs",
    body: { type: "plain", payload: { note: "🦉" } },
  });
  expect(answer).toMatchObject({ status: 422, body: { code: "invalid_job" } });

  const ids = await queue.enqueue(3, { maxAttempts: 1 });
  let runs = 0;
  const worker = start(
    async (_, job) => {
      runs += 1;
      job.progress(0.5, "🦉");
      await job.heartbeat();
      if (job.id === ids[1]) throw new Error("an owl 🦉 at night");
      return job.id === ids[0] ? { owl: "🦉" } : { owl: "é" };
    },
    { once: true },
  );
  await worker.drained;
  expect(runs).toBe(3);
  const jobs = await Promise.all(ids.map(queue.get));
  expect(jobs.map(({ state, result, error }) => [state, result, error?.message])).toEqual([
    ["completed", null, undefined],
    ["dead", null, "an owl ? at night"],
    ["completed", { owl: "é" }, undefined],
  ]);
  expect(await settingsOf({ url: database.url })).toMatchObject({
    level: "warning",
    found: expect.stringContaining("not UTF8") as string,
  });
  await until(() => worker.settled.get("completed") === 2);
});

it("completes a job inside the handler's transaction whose result the database can't write, and keeps its writes", async () => {
  const database = await createTestDatabase({ encoding: "LATIN1" });
  await migrate(database.db);
  await database.db.query("create table note (id uuid, owl text)");
  const { queue, start } = await setupWorkers({ database });
  const ids = await queue.enqueue(3, { maxAttempts: 1 });
  const results = [{ owl: "🦉" }, { owl: "é" }, { owl: "plain" }];
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(() => client.end());
  let turn: Promise<unknown> = Promise.resolve();
  const worker = start(
    async (_, job) => {
      const complete = async () => {
        await client.query("begin");
        await client.query("insert into note values ($1, 'seen')", [job.id]);
        await job.complete(client, results[ids.indexOf(job.id)]);
        await client.query("commit");
      };
      turn = turn.then(complete);
      await turn;
    },
    { once: true },
  );
  await worker.drained;
  const jobs = await Promise.all(ids.map(queue.get));
  expect(jobs.map(({ state, result }) => [state, result])).toEqual([
    ["completed", null],
    ["completed", { owl: "é" }],
    ["completed", { owl: "plain" }],
  ]);
  expect(await database.db.query("select count(*)::int as rows from note")).toEqual([{ rows: 3 }]);
});
