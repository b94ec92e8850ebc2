import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import type { LockHolder } from "../../../lib/db/schema/free-locks.ts";
import { migrate } from "../../../lib/db/schema/migrate.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { plain, setup, unlimited } from "../../support/queue.ts";

const FOLDER = fileURLToPath(new URL("../../../migrations", import.meta.url));
const DAY_SECONDS = 86_400;

it("waits for a reader without making anybody else wait, and says for whom", async () => {
  const { db, url, queue } = await setup();
  const folder = mkdtempSync(join(tmpdir(), "forgeq-migrations-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(FOLDER, folder, { recursive: true });
  writeFileSync(join(folder, "0002_more.sql"), "alter table forgeq.job add column more int");

  const reader = new pg.Client({ connectionString: url, application_name: "a report" });
  await reader.connect();
  onTestFinished(() => reader.end());
  await reader.query("begin; select count(*) from forgeq.job");
  const waits: LockHolder[] = [];
  const waiting = Promise.withResolvers<void>();
  const migrated = migrate(db, { folder, onWait: (holder) => (waits.push(holder), waiting.resolve()) });
  await waiting.promise;
  await queue.enqueue(3);
  const { rows } = await reader.query<{ pid: number }>("select pg_backend_pid() as pid");
  await reader.query("commit");
  expect((await migrated).applied).toEqual(["0002_more.sql"]);
  expect(waits).toMatchObject([{ applicationName: "a report", pid: rows[0]!.pid, since: expect.any(Date) as Date }]);
});

it("migrates a schema that is there as a role that may not make one", async () => {
  const { db, url } = await createTestDatabase({ empty: true });
  const { pathname, password } = new URL(url);
  const role = `app_${pathname.slice(-20)}`;
  await db.query(`create role ${role} login password '${password}'`);
  await db.query(`create schema forgeq authorization ${role}`);
  onTestFinished(async () => {
    await db.query(`drop owned by ${role} cascade`);
    await db.query(`drop role ${role}`);
  });
  const own = new URL(url);
  own.username = role;
  const app = await connectDb({ url: own.href, statementSeconds: 30 });
  onTestFinished(() => app.close());
  await expect(app.query("create schema other")).rejects.toMatchObject({ code: "42501" });
  expect((await migrate(app)).applied.length).toBeGreaterThan(100);
});

it("purges, and does every part of a tick, where a publication is for all tables", async () => {
  const brief = defineQueue({ name: "brief", maxInFlight: null, retentionDays: 1 });
  const short = defineJob({ type: "short", queue: "brief", payload: plain.payload });
  const { db, deps, queue, moveTo } = await setup({ jobs: [plain, short], queues: [unlimited, brief] });
  await db.query("create publication everything for all tables");
  await queue.enqueue(2, { type: "short", maxAttempts: 1 });
  const [lease] = (await queue.claim(10, "brief")).leases;
  const held = await queue.begin(lease!.id);
  if (held === "lease_lost") throw new Error("lease lost");
  await queue.settle(held, "dead", { error: { name: "Error", message: "no" } });
  moveTo(3 * DAY_SECONDS);
  expect(await tick(deps, () => 60_000)).toMatchObject({ partsFailed: [], jobsPurged: 2 });
  const without = await db.query(
    `select c.relname from pg_class c where c.relnamespace = 'forgeq'::regnamespace and c.relkind = 'r' and c.relpersistence = 'p'
       and c.relreplident = 'd' and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)`,
  );
  expect(without).toEqual([]);
});
