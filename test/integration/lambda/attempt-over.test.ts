import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobContext } from "../../../lib/queue/run/job-context.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { run } from "../../support/lambda/run.ts";
import { plain, setup } from "../../support/queue.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe("a job's successor", () => {
  it("may be enqueued for ever where it is due later: 70 in a row", async () => {
    const s = await setup({ database });
    await s.queue.enqueue(1);
    for (let n = 1; n <= 70; n += 1) {
      await run(s, (_, job) =>
        job.enqueue(plain, { n }, n % 2 === 0 ? { delaySeconds: 5 } : { runAt: s.at(n * 10 + 5) }),
      );
      s.moveTo(n * 10 + 5);
    }
    expect(await s.db.query("select state::text, count(*)::int as n from forgeq.job_history group by 1")).toEqual([
      { state: "completed", n: 70 },
    ]);
  });

  it("counts as a loop where it is due now, or was due before", async () => {
    const s = await setup({ database });
    await s.queue.enqueue(1, { depth: 63 });
    await run(s, (_, job) => job.enqueue(plain, { n: 1 }, { runAt: s.at(-60) }));
    await run(s, (_, job) => job.enqueue(plain, { n: 2 }, { delaySeconds: 0.5 }));
    expect(
      await s.db.query("select state::text, error ->> 'message' as message from forgeq.job_history order by id"),
    ).toEqual([
      { state: "completed", message: null },
      { state: "dead", message: "jobs that enqueue jobs may do so 64 deep" },
    ]);
  });
});

it("an attempt that has ended enqueues and completes nothing more", async () => {
  const s = await setup({ database });
  const [id = ""] = await s.queue.enqueue(1);
  let late: JobContext | undefined;
  await run(s, (_, job) => {
    late = job;
    return Promise.reject(new Error("no"));
  });
  const lost = { code: "lease_lost", message: "this attempt has ended" };
  await expect(late?.enqueue(plain, { n: 1 })).rejects.toMatchObject(lost);
  await s.db.transaction(async (tx) => expect(late?.complete(tx)).rejects.toMatchObject(lost));
  expect(await s.db.query("select id from forgeq.job")).toEqual([{ id }]);
});

it("a handler that asks is told when its job was due, when it was stored, and its priority, by one statement", async () => {
  const s = await setup({ database });
  const asks = (ask: boolean) => async () => {
    const statements: string[] = [];
    const query: typeof s.db.query = (text, params) => {
      statements.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
      return s.db.query(text, params);
    };
    const seen: unknown[] = [];
    const watched = { ...s, deps: { ...s.deps, db: { ...s.db, query } } };
    await run(watched, async (_, job) => {
      if (ask) seen.push(await job.details(), await job.details());
    });
    return { statements, seen };
  };
  s.moveTo(0);
  await s.queue.enqueue(1, { priority: 2, delaySeconds: 10 });
  s.moveTo(15);
  const details = { runAt: s.at(10), createdAt: s.at(0), priority: 2 };
  const told = await asks(true)();
  expect(told.seen).toEqual([details, details]);
  await s.queue.enqueue(1);
  const plainly = await asks(false)();
  expect(told.statements.filter((name) => name === "leased_job")).toHaveLength(1);
  expect(plainly.statements).toEqual(told.statements.filter((name) => name !== "leased_job"));
});

it("a handler is told nothing of a job that another attempt has taken over", async () => {
  const s = await setup({ database });
  await s.queue.enqueue(1);
  let late: JobContext | undefined;
  await run(s, async (_, job) => {
    late = job;
    await s.db.query("delete from forgeq.lease");
    await expect(job.details()).rejects.toMatchObject({ code: "lease_lost" });
  });
  await expect(late?.details()).rejects.toMatchObject({ code: "lease_lost", message: "this attempt has ended" });
});

it("a handler knows its queue, its unique key, and the slot that its job is for", async () => {
  const s = await setup({ database });
  await s.queue.enqueue(1, {
    uniqueKey: "k",
    metadata: { schedule: "nightly", slot_at: "2030-01-31T02:00:00Z" },
  });
  await s.queue.enqueue(1, { metadata: { slot_at: "2030-01-31T02:00:00Z" } });
  const seen: unknown[] = [];
  await run(s, async (_, { queue, uniqueKey, scheduledFor }) => void seen.push({ queue, uniqueKey, scheduledFor }));
  expect(seen).toEqual([
    { queue: "plain", uniqueKey: "k", scheduledFor: new Date("2030-01-31T02:00:00Z") },
    { queue: "plain", uniqueKey: null, scheduledFor: null },
  ]);
});
