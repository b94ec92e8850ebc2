import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { listJobs } from "../../../lib/db/reads/job-list.ts";
import { getJob } from "../../../lib/db/reads/job.ts";
import { cancel, revive } from "../../../lib/db/reads/jobs.ts";
import { extendLease, invocationFailed, recover, releaseUnbegun } from "../../../lib/db/protocol/leases.ts";
import { settle, settleIn } from "../../../lib/db/protocol/settle.ts";
import { purge, repair } from "../../../lib/db/protocol/maintenance.ts";
import { ensurePartitions } from "../../../lib/db/drivers/partitions.ts";
import { dispatchableQueues, setPaused } from "../../../lib/db/reads/queues.ts";
import { forgetDispatchers, markDispatcher, nextDue, wakeWanted } from "../../../lib/db/protocol/wake.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { DRIVERS, openWith } from "../../support/database/drivers.ts";
import { setup } from "../../support/queue.ts";

const ERROR = { name: "Error", message: "it's “odd” \\ {text}, \n 🦉" };
const PAYLOAD = {
  n: 1,
  text: 'a "quoted" \\ line\nand a tab\t🦉',
  list: [1.5, null, true, {}],
  deep: { a: { b: [] } },
};

describe.each(DRIVERS)("the whole protocol over %s", (driver) => {
  let own: TestDatabase;
  let database: TestDatabase;
  beforeAll(async () => {
    own = await createTestDatabase();
    database = { ...own, db: await openWith(driver, own.url) };
  });
  afterAll(async () => {
    await database.db.close();
    await own.drop();
  });

  it("runs a job from its enqueue to its completion", async () => {
    const { db, queue, at } = await setup({ database });
    const id = uuidV7();
    const item = { id, type: "plain", payload: PAYLOAD, metadata: { "odd key": "ü" }, priority: 2, uniqueKey: "k'ey" };
    expect(await enqueueMany(db, [item], true, at(0))).toEqual([
      {
        requestedId: id,
        id,
        created: true,
        queue: "plain",
        priority: 2,
        maxAttempts: 3,
        runAt: at(0),
        createdAt: at(0),
        dueSeconds: 0,
        taken: null,
        announced: false,
      },
    ]);
    expect(await getJob(db, id, at(0))).toMatchObject({
      state: "pending",
      payload: PAYLOAD,
      metadata: { "odd key": "ü" },
      uniqueKey: "k'ey",
      createdAt: at(0),
      attempts: [],
    });

    const claimed = await queue.claim();
    expect(claimed).toMatchObject({
      outcome: "claimed",
      leases: [{ ordinal: 1, type: "plain", jobs: 1 }],
      more: false,
    });
    expect(claimed.watermarks).toHaveLength(10);
    const held = await queue.begin(claimed.leases[0]!.id);
    if (held === "lease_lost") throw new Error(held);
    expect(held.jobIds).toEqual([id]);
    const progress = { [id]: { fraction: 0.25, note: "a quarter" } };
    expect(await extendLease(db, { ...held, leaseSeconds: 60, progress, at: at(1) })).toEqual({ cancelRequested: [] });
    expect(await queue.get(id)).toMatchObject({ state: "running", progress: progress[id], startedAt: at(0) });
    expect(await queue.settle(held, "completed", { result: PAYLOAD })).toEqual({
      outcome: "settled",
      jobs: { [id]: "completed" },
      wakeSeconds: null,
    });
    expect(await queue.get(id)).toMatchObject({
      state: "completed",
      result: PAYLOAD,
      runAt: at(0),
      finishedAt: at(0),
      attempts: [{ number: 1, outcome: "completed", leaseId: held.leaseId }],
    });
  });

  it("stores many in one call, and claims on from where it stopped", async () => {
    const { db, queue } = await setup({ database });
    const ids = await queue.enqueue(250);
    const first = await queue.claim(100);
    const second = await queue.claim(100, "plain", { watermarks: first.watermarks });
    const third = await queue.claim(100, "plain", { watermarks: null });
    expect([first, second, third].map(({ leases }) => leases.reduce((sum, { jobs }) => sum + jobs, 0))).toEqual([
      100, 100, 50,
    ]);
    expect((await queue.claim()).outcome).toBe("empty");
    expect(await dispatchableQueues(db, null)).toEqual(["plain"]);

    const page = (after: string | null) =>
      listJobs(
        db,
        { limit: 100, after, states: ["leased"], include: { payload: false, result: true, attempts: false } },
        null,
      );
    const pages = [await page(null)];
    for (let next = pages[0]!.next; next !== null; next = pages.at(-1)!.next) pages.push(await page(next));
    expect(pages.flatMap(({ jobs }) => jobs.map(({ id }) => id)).sort()).toEqual([...ids].sort());
  });

  it("retries, releases, recovers, cancels, revives and repairs", async () => {
    const { db, queue, at, moveTo } = await setup({ database });
    const [id] = await queue.enqueue(1);
    expect(await queue.settle(await queue.lease(), "retry", { error: ERROR })).toMatchObject({ wakeSeconds: 10 });
    expect(await queue.get(id!)).toMatchObject({
      state: "scheduled",
      error: ERROR,
      attempts: [{ outcome: "retry", error: ERROR }],
    });

    moveTo(10);
    const [unbegun] = (await queue.claim()).leases;
    const release = { leaseId: unbegun!.id, reason: "throttled", error: ERROR, at: at(10) } as const;
    expect(await releaseUnbegun(db, release)).toEqual({ outcome: "released", wakeSeconds: 1 });

    moveTo(12);
    const { leaseId } = await queue.lease();
    const failure = { leaseId, invocation: "request", reason: "function_error", error: ERROR, at: at(12) } as const;
    expect(await invocationFailed(db, failure)).toMatchObject({ outcome: "recovered" });
    moveTo(30);
    await queue.lease();
    expect(await recover(db, 10, at(100))).toEqual({ leases: 1, jobs: 1, more: false, wakeSeconds: null });
    expect(await queue.get(id!)).toMatchObject({ state: "dead", attempt: 3 });

    expect(await revive(db, id!, 1, at(100))).toEqual({ outcome: "retried", holderId: null });
    moveTo(100);
    await queue.lease();
    expect(await cancel(db, id!, at(100))).toMatchObject({ outcome: "requested" });
    await recover(db, 10, at(200));
    expect(await queue.get(id!)).toMatchObject({ state: "cancelled", life: 2 });

    const [stray] = await queue.enqueue(1);
    await db.query("update forgeq.job set claim_id = $1 where id = $2", [uuidV7(), stray]);
    expect(await repair(db, null, 10, at(100))).toEqual({ repaired: 1, redated: 0, lastId: null });
    expect(await queue.state(stray!)).toBe("pending");
  });

  it("completes inside the handler's own transaction, or not at all", async () => {
    const { db, queue, at } = await setup({ database });
    const [id] = await queue.enqueue(1);
    const held = await queue.lease();
    const complete = (fail: boolean) =>
      db.transaction(async (tx) => {
        const ended = [{ id: id!, outcome: "completed", result: { own: true } }] as const;
        const settled = await settleIn(tx, held, ended, at(1));
        expect(await extendLease(db, { ...held, leaseSeconds: 60, progress: null, at: at(1) })).toBe("busy");
        if (fail) throw new Error("rolled back");
        return settled;
      });
    await expect(complete(true)).rejects.toThrow("rolled back");
    expect(await queue.state(id!)).toBe("running");
    expect(await complete(false)).toMatchObject({ jobs: { [id!]: "completed" } });
    expect(await queue.get(id!)).toMatchObject({ state: "completed", result: { own: true } });
  });

  it("answers full, busy, paused, and claims again once a job is settled", async () => {
    const { db, queue, at } = await setup({ database });
    await db.query("update forgeq.queue set max_in_flight = 1");
    await queue.enqueue(2);
    const held = await queue.lease(1);
    expect((await queue.claim()).outcome).toBe("full");
    const ended = [{ id: held.jobIds[0]!, outcome: "completed" as const }];
    expect(await settle(db, held, ended, at(1))).toMatchObject({ outcome: "settled", wakeSeconds: 0 });
    expect(await queue.claim()).toMatchObject({ outcome: "claimed", leases: [{ jobs: 1 }] });

    await db.query("update forgeq.queue set max_in_flight = 9");
    await database.db.transaction(async (tx) => {
      await tx.query("select from forgeq.queue where name = 'plain' for no key update");
      expect((await queue.claim()).outcome).toBe("busy");
    });
    expect(await setPaused(db, "plain", true)).toBe(true);
    expect((await queue.claim()).outcome).toBe("paused");
  });

  it("keeps the dispatcher's marks, the next instant, partitions and retention", async () => {
    const { db, queue, at } = await setup({ database });
    const me = uuidV7();
    expect(await markDispatcher(db, me, "active", null, at(0))).toBe(true);
    expect(await markDispatcher(db, uuidV7(), "active", null, at(1))).toBe(false);
    expect(await wakeWanted(db, 0, at(1))).toBe(false);
    expect(await markDispatcher(db, me, "waiting", 30, at(2))).toBe(true);
    expect(await markDispatcher(db, me, "closing", null, at(3))).toBe(true);
    const other = uuidV7();
    expect(await markDispatcher(db, other, "waiting", 30, at(3))).toBe(true);
    expect(await markDispatcher(db, me, "closing", null, at(3))).toBe(false);
    expect(await markDispatcher(db, other, "closing", null, at(3))).toBe(true);
    expect(await wakeWanted(db, 0, at(4))).toBe(true);

    expect(await markDispatcher(db, me, "active", null, at(5))).toBe(true);
    expect(await markDispatcher(db, other, "waiting", 30, at(5))).toBe(true);
    await forgetDispatchers(db);
    expect(await wakeWanted(db, 60, at(5))).toBe(true);

    await queue.enqueue(1, { delaySeconds: 12.5 });
    expect(await nextDue(db, 120, at(0))).toBe(12.5);
    expect(await ensurePartitions(db, at(0))).toBe(0);
    expect(await purge(db, 100, at(0))).toMatchObject({ partitions: 0, jobs: 0, more: false });
  });

  it("says what is wrong with a job by code and place", async () => {
    const { db, at } = await setup({ database });
    const send = (...items: Partial<Parameters<typeof enqueueMany>[1][number]>[]) =>
      enqueueMany(
        db,
        items.map((item) => ({ id: uuidV7(), type: "plain", payload: {}, ...item })),
        false,
        at(0),
      );
    await expect(send({}, { type: "unheard_of" })).rejects.toMatchObject({
      code: "unknown_type",
      details: { index: 1 },
    });
    const id = uuidV7();
    await send({ id, payload: { n: 1 } });
    await expect(send({ id, payload: { n: 2 } })).rejects.toMatchObject({
      code: "id_conflict",
      details: { requested_id: id, id },
    });
    await db.query("update forgeq.queue set max_pending = 1");
    await expect(send({})).rejects.toMatchObject({ code: "queue_full", details: { retryAfterSeconds: 5 } });
    expect(await db.query("select count(*)::int as n from forgeq.job")).toEqual([{ n: 1 }]);
  });
});
