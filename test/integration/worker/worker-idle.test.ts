import { describe, expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { Worker, WorkerOptions } from "../../../lib/queue/worker/worker.ts";
import { declareQueue } from "../../../lib/db/reads/queues.ts";
import { createVirtualTime } from "../../support/virtual-time.ts";
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
