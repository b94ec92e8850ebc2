import { describe, expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { Worker, WorkerOptions } from "../../../lib/queue/worker/worker.ts";
import { defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { declareQueue, setPaused } from "../../../lib/db/reads/queues.ts";
import { explain } from "../../support/database/explain.ts";
import { setup } from "../../support/queue.ts";
import { createVirtualTime } from "../../support/virtual-time.ts";
import { setupTimed } from "../../support/worker/timed.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

/** A worker whose process lives in virtual time, and the names of the statements that it sends; the database keeps its own clock. */
const startIdle = async (options: Partial<WorkerOptions>) => {
  const made = await setupWorkers();
  const time = createVirtualTime(0);
  const names: string[] = [];
  const db: Db = {
    ...made.deps.db,
    query: (text, params) => {
      names.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
      return time.working(async () => {
        const rows = await made.deps.db.query<never>(text, params);
        // The probe of an offer arrives, unless the connection that listens is silent.
        const [, probe] = /"probe":"([^"]+)"/.exec(String(params?.[8])) ?? [];
        if (probe !== undefined && !silent) worker.probed(probe);
        return rows;
      });
    },
  };
  let silent = false;
  const ran: string[] = [];
  const work = async (_: unknown, job: { readonly id: string }): Promise<void> => void ran.push(job.id);
  const worker: Worker = made.start(work, options, { db, time: time.time });
  await until(() => names.length > 0);
  // Beyond the polls of the first seconds.
  await time.pass(10);
  return { ...made, time, worker, ran, sent: () => names.splice(0), silence: () => void (silent = true) };
};

describe.each([
  ["all queues", null],
  ["its own queue", ["plain"]],
])("an idle worker of %s", (_, queues) => {
  it.each([
    ["that offers its capacity", true],
    ["that nobody can push jobs to", false],
  ])("%s sends at most 0.2 statements a second, each of them a poll", async (__, listens) => {
    const s = await startIdle({ queues });
    s.worker.listens(listens);
    await s.time.pass(1);
    expect((await s.db.query("select from forgeq.worker_capacity")).length).toBe(listens ? 1 : 0);
    s.sent();
    await s.time.pass(600);
    const sent = s.sent();
    expect(sent.length).toBeLessThanOrEqual(120);
    // Six seconds apart at most.
    expect(sent.length).toBeGreaterThanOrEqual(99);
    expect(new Set(sent)).toEqual(new Set(["settle_and_take"]));
  });

  it("takes back a lease that expires, by one statement more", async () => {
    const s = await startIdle({ queues });
    await s.queue.enqueue(1);
    await s.queue.lease();
    s.sent();
    await s.time.pass(30);
    expect(s.sent()).not.toContain("recover");
    await s.db.query("update forgeq.lease set expires_at = clock_timestamp() - interval '1 second'");
    await s.time.pass(30);
    expect(s.sent().filter((name) => name === "recover")).toEqual(["recover"]);
    expect(await s.db.query("select from forgeq.lease")).toEqual([]);
  });

  it("sends no statement for an announced job but its take and its outcome", async () => {
    const s = await startIdle({ queues });
    s.sent();
    for (let n = 0; n < 60; n += 1) {
      await s.queue.enqueue(1);
      s.worker.hint(0, "plain");
      await s.time.pass(1);
    }
    expect(s.ran.length).toBe(60);
    expect(s.sent().length).toBeLessThanOrEqual(2 * 60 + 12);
  });

  it("polls again soon after a job that nobody announced", async () => {
    const s = await startIdle({ queues });
    await s.queue.enqueue(1);
    while (s.ran.length === 0) await s.time.pass(0.05);
    s.sent();
    await s.time.pass(1);
    expect(s.sent().length).toBeGreaterThanOrEqual(3);
  });
});

it("learns of a new queue by a poll", async () => {
  const s = await startIdle({ queues: null });
  await declareQueue(s.db, "late", { types: ["plain"] });
  const [id] = await s.queue.enqueue(1, { queue: "late" });
  s.sent();
  await s.time.pass(12);
  expect(s.ran).toEqual([id]);
  expect(s.sent()).not.toContain("queue_names");
});

it("offers nothing more once a probe has not arrived: it says so by one statement, has its listener opened again, and goes on polling", async () => {
  const s = await startIdle({ queues: null });
  let reopened = 0;
  s.worker.listens(true, () => (reopened += 1));
  const open = () => s.db.query("select from forgeq.worker_capacity where until > clock_timestamp()");
  await s.time.pass(60);
  expect([reopened, (await open()).length]).toEqual([0, 1]);
  s.silence();
  s.sent();
  await s.time.pass(60);
  expect([reopened, (await open()).length]).toEqual([1, 0]);
  expect(s.worker.describe().state).toMatchObject({ listening: false, awaitsProbe: false, probesLost: 1 });
  expect(s.sent().filter((name) => name !== "settle_and_take")).toEqual(["offer_capacity"]);

  s.worker.listens(true);
  await s.time.pass(1);
  expect((await open()).length).toBe(1);
});

it("writes no WAL by a look at limited queues, paused ones, and those of other types, where nothing is due", async () => {
  const limited = ["one", "two", "three"].map((name) => defineQueue({ name, maxInFlight: 3 }));
  const s = await setup({ queues: [defineQueue({ name: "plain", maxInFlight: 100 }), ...limited] });
  for (const { name } of limited)
    await s.db.query("update forgeq.queue set listed_types = '{plain}' where name = $1", [name]);
  await s.queue.enqueue(5, { queue: "one", delaySeconds: 3600 });
  await s.queue.enqueue(2, { queue: "two" });
  await s.queue.claim(2, "two");
  await s.queue.enqueue(2, { queue: "three" });
  await setPaused(s.db, "three", true);
  s.moveTo(10);
  const look = async (sweeps: boolean) => {
    const watermarks = sweeps ? null : Array.from({ length: 10 }, () => s.at(5).toISOString());
    const takes = ["plain", "one", "two", "three"].map((queue) => ({ queue, claim_id: uuidV7(), watermarks }));
    const call = "select * from forgeq.settle_and_take($1, '[]', $2::jsonb, '{plain}', 10, null, 10, $3)";
    return (await explain(s.db, call, [uuidV7(), JSON.stringify(takes), s.at(10)])).walBytes;
  };
  // The first reads set hints.
  for (const sweeps of [true, false]) await look(sweeps);
  for (const sweeps of [true, false]) expect(await look(sweeps)).toBe(0);
});

it("fifty idle workers send at most ten statements a second", async () => {
  const made = await setupTimed({});
  const workers = Array.from({ length: 50 }, () => made.start());
  await made.time.pass(10);
  for (const { sent } of workers) sent();
  await made.time.pass(25);
  const sent = workers.reduce((sum, worker) => sum + worker.sent().length, 0);
  expect(sent).toBeGreaterThan(0);
  expect(sent / 25).toBeLessThanOrEqual(10);
});
