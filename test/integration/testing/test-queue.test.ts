import pg from "pg";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import * as z from "zod";
import { enqueue } from "../../../lib/index.ts";
import { defineJob, defineQueue, lambdaHandler } from "../../../lib/job.ts";
import { type TestQueueOptions, testQueue } from "../../../lib/testing.ts";

const greet = defineJob({
  type: "greet",
  queue: "greetings",
  payload: z.object({ name: z.string(), loud: z.boolean().default(false) }),
  retry: { maxAttempts: 2, backoff: { type: "fixed", seconds: 600, jitter: "none" } },
});
const mail = defineJob({ type: "mail", payload: z.object({ to: z.string() }) });
const nightly = defineJob({
  type: "nightly",
  payload: z.object({}),
  schedules: [{ name: "nightly", cron: "0 3 * * *", payload: {} }],
});

const greeter = lambdaHandler(greet, async ({ name }, job) => {
  if (name === "nobody") throw new Error("there is nobody");
  await job.enqueue(mail, { to: name }, { delaySeconds: 60, metadata: { by: job.id } });
  return `Hello ${name}`;
});
const night = lambdaHandler(nightly, async () => Promise.resolve());

const open = async (options: TestQueueOptions = {}) => {
  const queue = await testQueue({
    handlers: [greeter],
    jobs: [mail],
    databaseUrl: `${inject("postgresUrl")}postgres`,
    ...options,
  });
  onTestFinished(() => queue.close());
  return queue;
};

describe("testQueue", () => {
  it("runs what is due by the real worker, and keeps what it has enqueued for later", async () => {
    const queue = await open();
    const id = await queue.enqueue(greet, { name: "Ada" });
    expect(await queue.drain()).toEqual({ completed: 1 });
    expect(await queue.job(id)).toMatchObject({ state: "completed", result: "Hello Ada", queue: "greetings" });
    const job = await queue.assertEnqueued(mail, { payload: { to: "Ada" }, delaySeconds: 60, metadata: { by: id } });
    expect(job).toMatchObject({ type: "mail", state: "scheduled", payload: { to: "Ada" } });
    expect(await queue.waiting(greet)).toEqual([]);
  });

  it("moves the time: a retry comes when it is due, and the last attempt is dead", async () => {
    const queue = await open();
    const id = await queue.enqueue(greet, { name: "nobody" });
    expect(await queue.drain()).toEqual({ scheduled: 1 });
    await queue.advance(599);
    expect(await queue.drain()).toEqual({});
    await queue.advance(1);
    expect(await queue.drain()).toEqual({ dead: 1 });
    expect(await queue.job(id)).toMatchObject({ state: "dead", attempt: 2, error: { message: "there is nobody" } });
    await expect(queue.advance(-1)).rejects.toThrow(RangeError);
  });

  it("fires schedules as the time moves, also by months", async () => {
    const queue = await open({ handlers: [night] });
    await queue.tick();
    expect(await queue.waiting(nightly)).toEqual([]);
    await queue.advance(2 * 86_400);
    expect(await queue.waiting(nightly)).toHaveLength(2);
    expect(await queue.drain()).toEqual({ completed: 2 });
    await queue.advance(60 * 86_400);
    const id = await queue.enqueue(nightly, {});
    expect(await queue.drain()).toEqual({ completed: 61 });
    expect(await queue.job(id)).toMatchObject({ state: "completed" });
  });

  it("holds what code under test enqueues in its own transaction, and what it rolls back is not there", async () => {
    const queue = await open();
    const client = new pg.Client({ connectionString: queue.url });
    await client.connect();
    onTestFinished(() => client.end());
    for (const [name, end] of [
      ["kept", "commit"],
      ["gone", "rollback"],
    ] as const) {
      await client.query("begin");
      await enqueue(client, greet, { name });
      await client.query(end);
    }
    await enqueue(queue, greet, { name: "through the queue" });
    const names = (await queue.waiting(greet)).map(({ payload }) => (payload as { name: string }).name);
    expect(names).toEqual(["kept", "through the queue"]);
    await expect(queue.assertEnqueued(greet, { payload: { name: "gone" } })).rejects.toThrow(
      /no job of the type greet is waiting as expected: 2 jobs of this type wait[\s\S]*"kept"/,
    );
    expect(await queue.drain()).toEqual({ completed: 2 });
  });

  it.each([
    ["payload", { payload: { name: "Ada", loud: true } }],
    ["queue", { queue: "mail" }],
    ["priority", { priority: 1 }],
    ["unique key", { uniqueKey: "ada" }],
    ["attempts", { maxAttempts: 9 }],
    ["instant", { runAt: new Date(0) }],
    ["delay", { delaySeconds: 1 }],
    ["metadata", { metadata: { tenant: "a" } }],
  ])("finds no job with another %s", async (_, expected) => {
    const queue = await open();
    await queue.enqueue(greet, { name: "Ada" });
    await queue.assertEnqueued(greet, { payload: { name: "Ada" }, queue: "greetings", priority: 5, delaySeconds: 0 });
    await expect(queue.assertEnqueued(greet, expected)).rejects.toMatchObject({ code: "ERR_ASSERTION" });
  });

  it("has each test's database for itself, with the queues' own limits", async () => {
    const [one, other] = await Promise.all([
      open({ queues: [defineQueue({ name: "greetings", maxPending: 1 })] }),
      open(),
    ]);
    await one.enqueue(greet, { name: "Ada" });
    await expect(one.enqueue(greet, { name: "Bob" })).rejects.toMatchObject({ code: "queue_full" });
    expect(await other.waiting(greet)).toEqual([]);
    await expect(one.enqueue(night.definition, {})).rejects.toMatchObject({ code: "unknown_type" });
  });
});
