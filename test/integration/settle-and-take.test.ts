import { expect, it } from "vitest";
import { defineJob, defineQueue } from "../../lib/core/define.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { settleAndTake, type SettleAndTake, type TakenLease } from "../../lib/db/take.ts";
import { miscounted, plain, setup, strays } from "../support/queue.ts";
import * as z from "zod";

const single = defineJob({
  type: "single",
  queue: "plain",
  payload: z.object({}).loose(),
  batchSize: 1,
  leaseSeconds: 20,
});
const limited = defineQueue({ name: "plain", maxInFlight: 3 });
const open = defineQueue({ name: "plain", maxInFlight: null });

const fresh = async (options: { limit?: boolean } = {}) => {
  const made = await setup({ jobs: [plain, single], queues: [options.limit === true ? limited : open] });
  const worker = uuidV7();
  const input = (more: Partial<SettleAndTake> = {}): SettleAndTake => ({
    worker,
    settles: [],
    takes: [{ queue: "plain", claimId: uuidV7(), watermarks: null }],
    types: ["plain", "single"],
    maxJobs: 100,
    invocation: "test:1",
    dueHorizonSeconds: 10,
    at: made.deps.clock(),
    ...more,
  });
  return { ...made, worker, input, send: (more?: Partial<SettleAndTake>) => settleAndTake(made.db, input(more)) };
};

const completed = (leases: readonly TakenLease[]) =>
  leases.map((lease) => ({
    leaseId: lease.id,
    ended: lease.jobs.map(({ id }) => ({ id, outcome: "completed" as const })),
  }));

it("takes due jobs begun, one lease a type, and settles several leases with the next take", async () => {
  const { queue, send, db } = await fresh();
  const ids = await queue.enqueue(25);
  await queue.enqueue(2, { type: "single" });

  const first = await send({ maxJobs: 27 });
  expect(first.leases.map((lease) => [lease.type, lease.jobs.length, lease.leaseSeconds]).sort()).toEqual([
    ["plain", 25, 60],
    ["single", 1, 20],
    ["single", 1, 20],
  ]);
  const job = first.leases.find((lease) => lease.type === "plain")!.jobs.find(({ id }) => id === ids[0])!;
  expect(job).toMatchObject({ id: ids[0], attempt: 1, maxAttempts: 3, depth: 0, payload: { n: 0 }, queue: "plain" });
  expect(await queue.state(ids[0]!)).toBe("running");

  await queue.enqueue(4);
  const second = await send({ settles: completed(first.leases) });
  expect(Object.values(second.settled).flatMap((jobs) => Object.values(jobs))).toEqual(Array(27).fill("completed"));
  expect(second.leases.map((lease) => lease.jobs.length)).toEqual([4]);
  expect(await queue.get(ids[0]!)).toMatchObject({ state: "completed", attempt: 1 });
  expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
});

it("gives the first answer again when it is sent again, and takes nothing more", async () => {
  const { queue, input, db } = await fresh();
  await queue.enqueue(3);
  const held = await settleAndTake(db, input());
  await queue.enqueue(5);
  const again = input({ settles: completed(held.leases), maxJobs: 4 });
  const once = await settleAndTake(db, again);
  const twice = await settleAndTake(db, again);
  expect(twice.leases).toEqual(once.leases);
  expect(twice.settled).toEqual(once.settled);
  expect(once.leases.flatMap((lease) => lease.jobs)).toHaveLength(4);
  expect(await queue.claim()).toMatchObject({ leases: [{ jobs: 1 }] });
});

it("takes from no other queue when it is sent again with fewer jobs there", async () => {
  const { queue, input, db } = await fresh();
  await db.query("insert into forgeq.queue (name, max_in_flight) values ('other', null)");
  await queue.enqueue(2, { queue: "other" });
  const call = input({
    maxJobs: 3,
    takes: [
      { queue: "plain", claimId: uuidV7(), watermarks: null },
      { queue: "other", claimId: uuidV7(), watermarks: null },
    ],
  });
  const once = await settleAndTake(db, call);
  // Jobs that came meanwhile in the queue that was empty would have used up the number.
  await queue.enqueue(5);
  const twice = await settleAndTake(db, call);
  expect(once.leases.map((lease) => [lease.queue, lease.jobs.length])).toEqual([["other", 2]]);
  expect(twice.leases).toEqual(once.leases);
});

it("leaves jobs of types that the caller can't run", async () => {
  const { queue, send } = await fresh();
  await queue.enqueue(2);
  await queue.enqueue(1, { type: "single" });
  expect((await send({ types: ["single"] })).leases.map((lease) => lease.type)).toEqual(["single"]);
  expect((await send({ types: ["plain"] })).leases.map((lease) => [lease.type, lease.jobs.length])).toEqual([
    ["plain", 2],
  ]);
});

it("keeps a limit exact for any number of callers, and frees places for the take of the same call", async () => {
  const { queue, input, send, db } = await fresh({ limit: true });
  await queue.enqueue(20);
  const takes = await Promise.all(Array.from({ length: 8 }, () => settleAndTake(db, { ...input(), worker: uuidV7() })));
  expect(takes.flatMap((take) => take.leases.flatMap((lease) => lease.jobs))).toHaveLength(3);
  await db.query("truncate forgeq.lease; update forgeq.job set claim_id = null, attempt = 0");

  const mine = await send();
  expect(mine.leases[0]!.jobs).toHaveLength(3);
  const next = await send({ settles: completed(mine.leases) });
  expect(next.leases[0]!.jobs).toHaveLength(3);
  expect((await send()).queues).toMatchObject([{ outcome: "full" }]);
});

it("waits for no lease that a handler's own transaction holds", async () => {
  const { queue, send, db, worker } = await fresh();
  await queue.enqueue(1);
  await queue.enqueue(1, { type: "single" });
  const { leases } = await send();
  const [held, free] = leases;
  await db.transaction(async (tx) => {
    await tx.query("select from forgeq.settle($1, $2, $3)", [
      held!.id,
      worker,
      JSON.stringify([{ id: held!.jobs[0]!.id, outcome: "completed" }]),
    ]);
    const meanwhile = await send({ settles: completed(leases) });
    expect(meanwhile.settled).toEqual({
      [held!.id]: { [held!.jobs[0]!.id]: "busy" },
      [free!.id]: { [free!.jobs[0]!.id]: "completed" },
    });
  });
  expect((await send({ settles: completed([held!]) })).settled[held!.id]).toEqual({ [held!.jobs[0]!.id]: "completed" });
});

it("refuses outcomes of a lease that was recovered", async () => {
  const { queue, send, db, at } = await fresh();
  const [id] = await queue.enqueue(1);
  const { leases } = await send();
  await db.query("select from forgeq.recover(10, $1)", [at(61)]);
  expect((await send({ settles: completed(leases), at: at(62) })).settled).toEqual({
    [leases[0]!.id]: { [id!]: "lease_lost" },
  });
});

it("says when the next job of its queues falls due", async () => {
  const { queue, send, db } = await fresh();
  await db.query("insert into forgeq.queue (name) values ('other')");
  await queue.enqueue(1, { delay_seconds: 7 });
  await queue.enqueue(1, { delay_seconds: 3, queue: "other" });
  expect((await send()).dueSeconds).toBe(7);
  expect((await send({ dueHorizonSeconds: 5 })).dueSeconds).toBeNull();
});
