/** What a live database bears: a migrate beside readers and enqueues, and a list of all that has ever run. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import type { LockHolder } from "../../lib/db/schema/free-locks.ts";
import { migrate } from "../../lib/db/schema/migrate.ts";
import { enqueueJobs } from "../../lib/queue/enqueue/enqueue-jobs.ts";
import { ROOT } from "../support/cli/cli.ts";
import { fillHistory } from "../support/database/fill.ts";
import { setup } from "../support/queue.ts";

const READER_SECONDS = Number(process.env["FORGEQ_READER_SECONDS"] ?? 80);
const ENQUEUES_A_SECOND = 50;
const JOBS = Number(process.env["FORGEQ_LISTED_JOBS"] ?? 1_500_000);

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it(`migrates beside ${ENQUEUES_A_SECOND} enqueues a second and a reader of ${READER_SECONDS} s: none fails or waits for a second`, async () => {
  const s = await setup({ realClock: true });
  await s.queue.enqueue(1_000);
  const folder = mkdtempSync(join(tmpdir(), "forgeq-migrations-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(join(ROOT, "migrations"), folder, { recursive: true });
  writeFileSync(join(folder, "0002_more.sql"), "alter table forgeq.job add column more int");
  const reader = new pg.Client({ connectionString: s.url, application_name: "a report" });
  await reader.connect();
  onTestFinished(() => reader.end());

  let [stopped, failed] = [false, 0];
  const waits: number[] = [];
  const sent: Promise<void>[] = [];
  const one = async (): Promise<void> => {
    const beganMs = performance.now();
    await enqueueJobs(s.deps, [{ type: "plain", payload: {} }]).catch(() => (failed += 1));
    waits.push(performance.now() - beganMs);
  };
  const flow = (async () => {
    while (!stopped) {
      sent.push(one());
      await sleep(1_000 / ENQUEUES_A_SECOND);
    }
  })();
  await reader.query("begin; select count(*) from forgeq.jobs");
  const named: LockHolder[] = [];
  let migratedMs = Infinity;
  const migrated = migrate(s.db, { folder, onWait: (holder) => named.push(holder) }).finally(
    () => (migratedMs = performance.now()),
  );
  await sleep(READER_SECONDS * 1_000);
  expect(migratedMs).toBe(Infinity);
  await reader.query("commit");
  const readMs = performance.now();
  expect((await migrated).applied).toEqual(["0002_more.sql"]);
  stopped = true;
  await flow;
  await Promise.all(sent);
  console.log({
    enqueues: waits.length,
    failed,
    longestMs: Math.round(Math.max(...waits)),
    migratedAfterMs: Math.round(migratedMs - readMs),
  });
  expect(failed).toBe(0);
  expect(Math.max(...waits)).toBeLessThan(1_000);
  expect(migratedMs - readMs).toBeLessThan(5_000);
  expect(named[0]).toMatchObject({ applicationName: "a report" });
});

/** Kilobytes of memory that a process holds now. */
const residentKb = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);

it(`prints ${JOBS} finished jobs from the first second on, in memory that does not grow`, async () => {
  const s = await setup({ realClock: true });
  const db = await connectDb({ url: s.url, statementSeconds: 600 });
  onTestFinished(() => db.close());
  await fillHistory(db, JOBS, 20);
  const child = spawn(process.execPath, [join(ROOT, "lib", "cli", "forgeq.ts"), "jobs", "list", "--all"], {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], NO_COLOR: "1", DATABASE_URL: s.url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const beganMs = performance.now();
  let [lines, firstMs, early, most] = [0, 0, 0, 0];
  child.stdout.on("data", (chunk: Buffer) => {
    firstMs ||= performance.now() - beganMs;
    for (const byte of chunk) if (byte === 10) lines += 1;
    if (child.exitCode !== null || child.pid === undefined) return;
    const kb = residentKb(child.pid);
    if (lines > JOBS / 10 && early === 0) early = kb;
    most = Math.max(most, kb);
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  console.log({
    lines,
    firstMs: Math.round(firstMs),
    seconds: Math.round((performance.now() - beganMs) / 1_000),
    earlyMb: Math.round(early / 1024),
    mostMb: Math.round(most / 1024),
  });
  expect(code).toBe(0);
  expect(lines).toBeGreaterThanOrEqual(JOBS);
  // The command itself starts in half a second.
  expect(firstMs).toBeLessThan(2_000);
  expect(most).toBeLessThan(early * 1.5 + 50 * 1024);
});
