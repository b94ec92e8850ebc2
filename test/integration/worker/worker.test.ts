import { expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { miscounted, strays } from "../../support/queue.ts";
import { createVirtualTime } from "../../support/virtual-time.ts";
import { histories, setupWorkers, until } from "../../support/worker/worker.ts";

/** Counts the worker's own statements. */
const counting = (db: Db) => {
  const names: string[] = [];
  const counted: Db = {
    ...db,
    query: (text, params) => {
      names.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
      return db.query(text, params);
    },
  };
  return { names, db: counted, of: (name: string) => names.filter((each) => each === name).length };
};

it("drains 5,000 jobs in batches, each once, with a statement per batch", async () => {
  const { queue, db, start, deps } = await setupWorkers();
  for (let n = 0; n < 5; n += 1) await queue.enqueue(1000);
  const statements = counting(deps.db);
  const ran = new Map<string, number>();
  const worker = start(
    async (_, job) => {
      ran.set(job.id, (ran.get(job.id) ?? 0) + 1);
    },
    { concurrency: 1000, once: true },
    { db: statements.db },
  );
  await worker.drained;
  expect(ran.size).toBe(5000);
  expect(new Set(ran.values())).toEqual(new Set([1]));
  expect(await histories(db)).toEqual({ completed: 5000 });
  expect(worker.settled).toEqual(new Map([["completed", 5000]]));
  // 0.01 a job would be 50.
  expect(statements.of("settle_and_take")).toBeLessThanOrEqual(30);
  expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
});

it("runs no more jobs concurrently than its concurrency, and no more of a type than the type says", async () => {
  const { queue, start } = await setupWorkers();
  await queue.enqueue(30);
  await queue.enqueue(6, { type: "narrow", payload: { narrow: true } });
  const now = { plain: 0, narrow: 0 };
  const most = { plain: 0, narrow: 0, all: 0 };
  const worker = start(
    async (payload) => {
      const type = payload["narrow"] === true ? "narrow" : "plain";
      now[type] += 1;
      most[type] = Math.max(most[type], now[type]);
      most.all = Math.max(most.all, now.plain + now.narrow);
      await new Promise((resolve) => setTimeout(resolve, 2));
      now[type] -= 1;
    },
    { concurrency: 7, once: true },
  );
  await worker.drained;
  expect(most.all).toBeLessThanOrEqual(7);
  expect(most.plain).toBeGreaterThan(1);
  expect(most.narrow).toBe(1);
});

it("starts an announced job immediately", async () => {
  const { queue, start } = await setupWorkers();
  const ran: string[] = [];
  const worker = start(async (_, job) => void ran.push(job.id), { queues: ["plain"] });
  const [id] = await queue.enqueue(1);
  worker.hint(0, "plain");
  await until(() => ran.length > 0);
  expect(ran).toEqual([id]);
});

it("takes once for an announced job, however many slots are free, and settles it with the next take", async () => {
  const { queue, start, deps } = await setupWorkers();
  const statements = counting(deps.db);
  // No poll: no timer ever fires.
  const time = { ...deps.time, after: () => () => undefined };
  const worker = start(async () => undefined, { queues: ["plain"], concurrency: 2_000 }, { db: statements.db, time });
  await until(() => statements.of("settle_and_take") === 1 && worker.describe().state["statements"] === 0);
  for (let jobs = 1; jobs <= 5; jobs += 1) {
    await queue.enqueue(1);
    worker.hint(0, "plain");
    await until(() => worker.settled.get("completed") === jobs);
    expect(statements.of("settle_and_take")).toBe(1 + 2 * jobs);
  }
});

it("waits for the instant at which a job falls due", async () => {
  const { queue, start, deps, at, moveTo } = await setupWorkers({ realClock: false });
  const time = createVirtualTime(0);
  const clock = () => at(time.now() / 1000);
  const db: Db = { ...deps.db, query: (text, params) => time.working(() => deps.db.query<never>(text, params)) };
  const [id] = await queue.enqueue(1, { delaySeconds: 4.2 });
  const startedAtMs: number[] = [];
  start(async () => void startedAtMs.push(time.now()), { queues: ["plain"] }, { db, clock, time: time.time });
  await time.pass(4.1);
  expect(startedAtMs).toEqual([]);
  // The polls come at 3.1 s and 6.3 s, more or less a tenth.
  await time.pass(0.2);
  expect(startedAtMs).toHaveLength(1);
  expect(startedAtMs[0]! - 4_200).toBeGreaterThanOrEqual(0);
  expect(startedAtMs[0]! - 4_200).toBeLessThan(10);
  await time.pass(1);
  moveTo(10);
  expect(await queue.state(id!)).toBe("completed");
});

it("retries by the type's policy, buries, and snoozes as on Lambda", async () => {
  const { queue, start } = await setupWorkers();
  const [fails] = await queue.enqueue(1, { payload: { fail: true }, maxAttempts: 1 });
  const [bad] = await queue.enqueue(1, { payload: { n: "no number" } });
  const [sleeps] = await queue.enqueue(1, { payload: { snooze: true } });
  const worker = start(
    async (payload, job) => {
      if (payload["snooze"] === true) job.snooze(500);
      if (payload["fail"] === true) throw new Error("no");
    },
    { once: true },
  );
  await worker.drained;
  expect(await queue.get(fails!)).toMatchObject({ state: "dead", error: { message: "no" } });
  expect(await queue.get(bad!)).toMatchObject({ state: "dead", error: { name: "InvalidPayload" } });
  expect(await queue.get(sleeps!)).toMatchObject({ state: "scheduled", attempt: 0 });
});

it("keeps a limited queue's limit among several workers, and lets none of them starve", async () => {
  const { queue, start, db } = await setupWorkers({ queues: [defineQueue({ name: "plain", maxInFlight: 4 })] });
  await queue.enqueue(60);
  let now = 0;
  let most = 0;
  const work = async () => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 3));
    now -= 1;
  };
  for (let n = 0; n < 3; n += 1) start(work);
  await until(async () => (await histories(db))["completed"] === 60);
  expect(most).toBeLessThanOrEqual(4);
});

it("completes inside the handler's own transaction without holding up other jobs of the lease", async () => {
  const { queue, start, db } = await setupWorkers();
  await queue.enqueue(4);
  const worker = start(
    async (_, job) => {
      await db.transaction(async (tx) => {
        await job.complete({ query: (text, params) => tx.query(text, params) }, { in: "transaction" });
      });
    },
    { once: true },
  );
  await worker.drained;
  expect(await histories(db)).toEqual({ completed: 4 });
});
