import { describe, expect, it } from "vitest";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { cancel } from "../../../lib/db/reads/jobs.ts";
import { releaseUnbegun } from "../../../lib/db/protocol/leases.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { expectExactCounters } from "../../support/observe/exact-counters.ts";
import { countedFromJobs, counters } from "../../support/observe/metrics.ts";
import { setup } from "../../support/queue.ts";

const JOBS = 1_000;

describe("the counters", () => {
  it(
    "equal what jobs and attempts tell after a storm, never fall meanwhile, and outlive history",
    () => expectExactCounters(JOBS, 5),
    120_000,
  );

  it("count a settle as soon as it has committed, folded or not, and not at all when it is rolled back", async () => {
    const { db, queue, at } = await setup();
    await queue.enqueue(3);
    const held = await queue.lease();
    await queue.settle({ ...held, jobIds: held.jobIds.slice(0, 1) }, "completed");
    const expected = await countedFromJobs(db);
    expect(expected).toMatchObject({ "plain/plain/started": 3, "plain/plain/finished_completed": 1 });
    expect(await counters(db)).toEqual(expected);
    for (let n = 0; n < 3; n += 1) {
      await foldCounters(db, at(n));
      expect(await counters(db)).toEqual(expected);
    }
    const rest = JSON.stringify(held.jobIds.slice(1).map((id) => ({ id, outcome: "completed" })));
    const text = "select forgeq.settle($1::uuid, $2::uuid, $3::jsonb, $4::timestamptz)";
    await db
      .transaction(async (tx) => {
        await tx.query(text, [held.leaseId, held.begunBy, rest, at(0)]);
        throw new Error("rolled back");
      })
      .catch(() => undefined);
    await foldCounters(db, at(4));
    expect(await counters(db)).toEqual(expected);
  });

  it("count a transaction that commits after later ones were folded", async () => {
    const { db, queue, at } = await setup();
    await queue.enqueue(2);
    const [first, second] = [await queue.lease(1), await queue.lease(1)];
    const settleIn = "select forgeq.settle($1::uuid, $2::uuid, $3::jsonb, $4::timestamptz)";
    await db.transaction(async (tx) => {
      await tx.query(settleIn, [
        ...[first.leaseId, first.begunBy, JSON.stringify([{ id: first.jobIds[0], outcome: "completed" }]), at(0)],
      ]);
      await tx.query("select * from forgeq.enqueue('plain', '{}', at => $1)", [at(0)]);
      await queue.settle(second, "completed");
      await foldCounters(db, at(1));
      await foldCounters(db, at(2));
      expect(await counters(db)).toMatchObject({ "plain/plain/enqueued": 2, "plain/plain/finished_completed": 1 });
    });
    await foldCounters(db, at(3));
    expect(await counters(db)).toEqual(await countedFromJobs(db));
    expect(await counters(db)).toMatchObject({ "plain/plain/enqueued": 3, "plain/plain/finished_completed": 2 });
  });

  it("lose and double nothing when a fold crashes, or when two fold concurrently", async () => {
    const { db, queue, at } = await setup();
    await queue.enqueue(5);
    await queue.settle(await queue.lease(), "completed");
    const expected = await counters(db);
    await db
      .transaction(async (tx) => {
        await tx.query("select forgeq.metric_fold()");
        throw new Error("crashed");
      })
      .catch(() => undefined);
    expect(await counters(db)).toEqual(expected);
    await db.transaction(async (tx) => {
      await tx.query("select forgeq.metric_fold()");
      expect(await foldCounters(db, at(0))).toBe(false);
      // A reader waits for the truncation of the deltas to commit, and so never misses what it moved.
      const reading = counters(db);
      await tx.query("select pg_sleep(0.2)");
      void reading.catch(() => undefined);
    });
    expect(await counters(db)).toEqual(expected);
  });

  it("do not count a job of the same id twice, nor a repeated settle or cancel", async () => {
    const { db, queue, at } = await setup();
    const [id] = await queue.enqueue(1);
    await enqueueMany(db, [{ id: id!, type: "plain", payload: { n: 0 } }], false, at(0));
    const [other] = await queue.enqueue(1, { delaySeconds: 60 });
    await cancel(db, other!, at(0));
    await cancel(db, other!, at(0));
    const held = await queue.lease();
    await queue.settle(held, "completed");
    await queue.settle(held, "completed");
    expect(await counters(db)).toEqual(await countedFromJobs(db));
    expect(await counters(db)).toMatchObject({
      "plain/plain/enqueued": 2,
      "plain/plain/ended_completed": 1,
      "plain/plain/finished_cancelled": 1,
    });
  });

  it("count what a queue without history keeps nothing of", async () => {
    const { db, queue, at } = await setup();
    await db.query("update forgeq.queue set keep_completed = false");
    await queue.enqueue(4);
    await queue.settle(await queue.lease(), "completed");
    await queue.enqueue(1);
    const [lease] = (await queue.claim()).leases;
    await releaseUnbegun(db, {
      ...{ leaseId: lease!.id, reason: "throttled", error: { name: "E", message: "" }, at: at(0) },
    });
    expect(await counters(db)).toMatchObject({
      "plain/plain/enqueued": 5,
      "plain/plain/finished_completed": 4,
      "plain/plain/ended_throttled": 1,
    });
  });

  it("go on after a dump was restored into a cluster whose transactions count from the beginning", async () => {
    const { db, queue, at, moveTo } = await setup();
    await queue.enqueue(3);
    await queue.settle(await queue.lease(1), "completed");
    await foldCounters(db, at(1));
    await queue.settle(await queue.lease(1), "completed");
    // As a restore leaves it: xids of the old cluster, all in the future of this one.
    await db.query(
      `update forgeq.metric_state set snap = (
         (pg_snapshot_xmin(snap)::text::bigint + 1000000000) || ':' || (pg_snapshot_xmax(snap)::text::bigint + 1000000000) || ':')::pg_snapshot`,
    );
    await db.query("update forgeq.lease_closed set xid = (xid::text::bigint + 1000000000)::text::xid8");
    moveTo(2);
    await queue.settle(await queue.lease(1), "completed");
    for (const second of [3, 4, 5]) await foldCounters(db, at(second));
    expect(await counters(db)).toMatchObject({ "plain/plain/finished_completed": 3, "plain/plain/enqueued": 3 });
    await queue.enqueue(1);
    await queue.settle(await queue.lease(1), "completed");
    await foldCounters(db, at(6));
    expect(await counters(db)).toEqual(await countedFromJobs(db));
  });
});
