import { expect, it } from "vitest";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { type Ended, stateOf } from "../../../lib/db/protocol/settle.ts";
import {
  settleAndTake,
  type SettleAndTake,
  type SettledAndTaken,
  type TakenLease,
} from "../../../lib/db/protocol/take.ts";
import { declareQueue } from "../../../lib/db/reads/queues.ts";
import { miscounted, plain, setup, strays } from "../../support/queue.ts";
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

const completed = (leases: readonly TakenLease[], all = true) =>
  leases.map((lease) => ({
    leaseId: lease.id,
    all,
    ended: lease.jobs.map(({ id }) => ({ id, outcome: "completed" as const })),
  }));

/** By lease and job. */
const statesOf = ({ settled }: SettledAndTaken, leases: readonly TakenLease[]) =>
  Object.fromEntries(
    leases.map(({ id, jobs }) => [id, Object.fromEntries(jobs.map((job) => [job.id, stateOf(settled[id], job.id)]))]),
  );

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
  const states = Object.values(statesOf(second, first.leases)).flatMap((jobs) => Object.values(jobs));
  expect(states).toEqual(Array(27).fill("completed"));
  expect(second.leases.map((lease) => lease.jobs.length)).toEqual([4]);
  expect(await queue.get(ids[0]!)).toMatchObject({ state: "completed", attempt: 1 });
  expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
});

it.each([true, false])("gives the first answer again when it is sent again, and takes nothing more", async (all) => {
  const { queue, input, db } = await fresh();
  await queue.enqueue(3);
  const held = await settleAndTake(db, input());
  await queue.enqueue(5);
  const again = input({ settles: completed(held.leases, all), maxJobs: 4 });
  const once = await settleAndTake(db, again);
  const twice = await settleAndTake(db, again);
  expect(twice.leases).toEqual(once.leases);
  expect(statesOf(twice, held.leases)).toEqual(statesOf(once, held.leases));
  expect(once.leases.flatMap((lease) => lease.jobs)).toHaveLength(4);
  expect(await queue.claim()).toMatchObject({ leases: [{ jobs: 1 }] });
});

it("takes from no other queue when it is sent again with fewer jobs there", async () => {
  const { queue, input, db } = await fresh();
  await declareQueue(db, "other", { types: ["plain"], maxInFlight: null });
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
    expect(statesOf(meanwhile, leases)).toEqual({
      [held!.id]: { [held!.jobs[0]!.id]: "busy" },
      [free!.id]: { [free!.jobs[0]!.id]: "completed" },
    });
  });
  expect(statesOf(await send({ settles: completed([held!]) }), [held!])).toEqual({
    [held!.id]: { [held!.jobs[0]!.id]: "completed" },
  });
});

it.each([true, false])("refuses outcomes of a lease that was recovered", async (all) => {
  const { queue, send, db, at } = await fresh();
  const [id] = await queue.enqueue(1);
  const { leases } = await send();
  await db.query("select from forgeq.recover(10, $1)", [at(61)]);
  expect(statesOf(await send({ settles: completed(leases, all), at: at(62) }), leases)).toEqual({
    [leases[0]!.id]: { [id!]: "lease_lost" },
  });
});

it("completes in a word what a lease still holds, and gives the others their first answer", async () => {
  const { queue, send, db, worker } = await fresh();
  const [dead, gone, first, second] = await queue.enqueue(4);
  const { leases } = await send();
  const early = [{ leaseId: leases[0]!.id, ended: [{ id: dead!, outcome: "dead" as const }] }];
  await send({ settles: early });
  await db.query("delete from forgeq.job where id = $1", [gone]);
  const states = { [dead!]: "dead", [gone!]: "lease_lost", [first!]: "completed", [second!]: "completed" };
  expect(statesOf(await send({ settles: completed(leases) }), leases)).toEqual({ [leases[0]!.id]: states });
  expect(await queue.state(dead!)).toBe("dead");
  expect(await queue.state(second!)).toBe("completed");

  const [other] = await queue.enqueue(1);
  const [lease] = (await send()).leases;
  const words = db.query("select from forgeq.settle($1, $2, $3)", [lease!.id, worker, '"dead"']);
  await expect(words).rejects.toThrow("unknown outcome");
  expect(await queue.state(other!)).toBe("running");
});

it("gives a lease the jobs of one type with batches, in their order", async () => {
  const { queue, send, db } = await fresh();
  const late = await queue.enqueue(2);
  const early = await queue.enqueue(2, { priority: 1 });
  const { leases } = await send();
  expect(leases.map(({ jobs }) => jobs.map(({ id }) => id))).toEqual([[...early, ...late]]);
  const [stored] = await db.query<{ ids: string[] }>("select job_ids as ids from forgeq.lease");
  expect(stored!.ids).toEqual([...early, ...late]);
});

it("says when the next job of its queues falls due", async () => {
  const { queue, send, db } = await fresh();
  await declareQueue(db, "other", { types: ["plain"] });
  await queue.enqueue(1, { delaySeconds: 7 });
  await queue.enqueue(1, { delaySeconds: 3, queue: "other" });
  expect((await send()).dueSeconds).toBe(7);
  expect((await send({ dueHorizonSeconds: 5 })).dueSeconds).toBeNull();
});

const UNUSUAL = {
  metadata: { tenant: 'a"b' },
  traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
  depth: 2,
  maxAttempts: 7,
};

it.each(Object.keys(UNUSUAL) as (keyof typeof UNUSUAL)[])("tells of a job whose %s is not as usual", async (name) => {
  const { queue, send } = await fresh();
  await queue.enqueue(2);
  await queue.enqueue(1, { [name]: UNUSUAL[name] });
  const told = (await send()).leases[0]!.jobs.map(({ attempt, maxAttempts, depth, traceparent, metadata }) => ({
    attempt,
    maxAttempts,
    depth,
    traceparent,
    metadata,
  }));
  const usual = { attempt: 1, maxAttempts: 3, depth: 0, traceparent: null, metadata: null };
  expect(told).toEqual([usual, usual, { ...usual, [name]: UNUSUAL[name] }]);
});

it("gives a second attempt after the delay that its retry asked for", async () => {
  const { queue, send, at } = await fresh();
  await queue.enqueue(1);
  const { leases } = await send();
  const ended: Ended[] = [{ id: leases[0]!.jobs[0]!.id, outcome: "retry", delaySeconds: 1 }];
  await send({ settles: [{ leaseId: leases[0]!.id, ended }] });
  expect((await send({ at: at(0.9) })).leases).toEqual([]);
  // The type's own policy would have it wait for 10 s.
  expect((await send({ at: at(1) })).leases[0]!.jobs).toMatchObject([{ attempt: 2, payload: { n: 0 } }]);
});

it("gives the jobs of several queues to their own leases, in the order in which they are due", async () => {
  const { db, queue, send, at } = await fresh();
  await declareQueue(db, "other", { types: ["plain"] });
  await declareQueue(db, "another", { types: ["single"] });
  const [late, early] = [await queue.enqueue(3, { runAt: at(-1) }), await queue.enqueue(2, { runAt: at(-2) })];
  const other = await queue.enqueue(2, { queue: "other" });
  const singles = await queue.enqueue(2, { queue: "another", type: "single" });
  const takes = ["plain", "other", "another"].map((name) => ({ queue: name, claimId: uuidV7(), watermarks: null }));
  const { leases } = await send({ takes });
  const got = leases.map(({ queue: name, jobs }) => [name, ...jobs.map(({ id, attempt }) => [id, attempt])]);
  expect(got).toEqual([
    ["plain", ...[...early, ...late].map((id) => [id, 1])],
    ["other", ...other.map((id) => [id, 1])],
    ...singles.map((id) => ["another", [id, 1]]),
  ]);
  expect((await send({ takes })).leases).toEqual(leases);
});

it.each([1, 3])("gives one place in ten to the oldest due job, in takes of %i", async (maxJobs) => {
  const { queue, send, at } = await fresh();
  const [oldest] = await queue.enqueue(1, { priority: 9, runAt: at(-60) });
  await queue.enqueue(160, { priority: 0 });
  // That none of so many places goes to it has a chance of 1 in 10 million.
  for (let places = 0; places < 156; places += maxJobs) {
    const { leases } = await send({ maxJobs });
    if (leases.some(({ jobs }) => jobs.some(({ id }) => id === oldest))) return;
  }
  expect.unreachable("the oldest job was never taken");
});

it("goes on, when more wait, where its take ended: past what was taken, and past what committed late", async () => {
  const { queue, send, at } = await fresh();
  const due = async (seconds: number, count = 1) => queue.enqueue(count, { runAt: at(seconds) });
  const first = await due(0, 2);
  const [second, ...others] = await due(0.5, 3);
  const take = async (watermarks: readonly string[] | null | undefined, maxJobs: number) => {
    const { queues, leases } = await send({
      takes: [{ queue: "plain", claimId: uuidV7(), watermarks: watermarks ?? null }],
      maxJobs,
      at: at(60),
    });
    return { ...queues[0]!, ids: leases.flatMap(({ jobs }) => jobs.map(({ id }) => id)) };
  };
  const cut = await take(null, 3);
  expect(cut.ids).toEqual([...first, second]);
  expect(cut).toMatchObject({ more: true, continued: expect.any(Array) as string[] });

  const [late] = await due(0.2);
  const near = await take(cut.continued, 10);
  // Due at the same instant as the last one taken.
  expect(near.ids).toEqual(others);
  expect(near).toMatchObject({ more: false, continued: null });
  expect((await take(cut.watermarks, 10)).ids).toEqual([late]);
});
