import { expect, it } from "vitest";
import { nextDue, nextEvent } from "../../../lib/db/protocol/wake.ts";
import { findQueues } from "../../../lib/db/protocol/take.ts";
import { dispatchableQueues } from "../../../lib/db/reads/queues.ts";
import { explain } from "../../support/database/explain.ts";
import { nameOf, setupQueues } from "../../support/worker/timed.ts";

const MANY = 10_000;
/** Of the test of starts, which takes minutes with 10,000: by hand, FORGEQ_MANY_QUEUES=10000. */
const QUEUES = Number(process.env.FORGEQ_MANY_QUEUES ?? 1_000);
const DUE = [17, 1_000, 2_345, 3_456, 5_000, 5_001, 7_777, 8_888, 9_998, 10_000];

it("finds the ten due queues of 10,000 by at most five buffers a queue, as a worker and as a dispatcher", async () => {
  const s = await setupQueues(MANY);
  await s.enqueueIn(DUE);
  await s.time.pass(1);
  const names = DUE.map(nameOf);
  expect((await findQueues(s.db, { types: ["plain"], seen: null }, false, s.clock())).due).toEqual(names);
  expect((await findQueues(s.db, { types: ["other"], seen: null }, true, s.clock())).due).toEqual([]);
  expect(await dispatchableQueues(s.db, s.clock())).toEqual(names);
  expect(await nextDue(s.db, 120, s.clock())).toBeNull();
  expect((await nextEvent(s.db, s.clock())).jobSeconds).toBeLessThanOrEqual(0);
  await s.enqueueIn([4_711], 60);
  expect(await nextDue(s.db, 120, s.clock())).toBeCloseTo(60, 0);

  for (const call of [
    "forgeq.find_queues('{plain}', null, true, $1)",
    "forgeq.dispatchable_queues($1)",
    "forgeq.next_due(120, $1)",
    "forgeq.next_event($1)",
  ])
    expect((await explain(s.db, `select * from ${call}`, [s.clock()])).buffers, call).toBeLessThanOrEqual(5 * MANY);
  // The last look is read, and is no news to whoever has seen it.
  const { looked_at: seen } = await findQueues(s.db, { types: ["plain"], seen: null }, false, s.clock());
  const again = "select forgeq.find_queues('{plain}', $1, false, $2)";
  const { buffers, walBytes } = await explain(s.db, again, [seen, s.clock()]);
  expect(buffers).toBeLessThan(30);
  expect(walBytes).toBe(0);
  await expect(findQueues(s.db, { types: ["plain"], seen: seen! }, false, s.clock())).resolves.toEqual({});
});

it("reads at most 500 buffers for the next event of 1,000 queues with a job each, and finds the one that is due", async () => {
  const s = await setupQueues(1_000);
  await s.enqueueIn(
    Array.from({ length: 1_000 }, (_, n) => n + 1),
    3_600,
  );
  // Vacuum leaves pages out while an analysis of the server's own is under way.
  for (let seen = false; !seen;) {
    await s.db.query("vacuum forgeq.job");
    const [row] = await s.db.query<{ seen: boolean }>(
      "select relallvisible >= relpages as seen from pg_class where oid = 'forgeq.job'::regclass",
    );
    seen = row!.seen;
  }
  const read = async (call: string) => {
    const buffers = [];
    for (let n = 0; n < 3; n += 1) buffers.push((await explain(s.db, `select * from ${call}`, [s.clock()])).buffers);
    return Math.min(...buffers);
  };
  expect((await nextEvent(s.db, s.clock())).jobSeconds).toBeCloseTo(3_600, 0);
  for (const call of ["forgeq.next_event($1)", "forgeq.next_due(7200, $1)", "forgeq.dispatchable_queues($1)"])
    expect(await read(call), call).toBeLessThanOrEqual(500);
  await s.enqueueIn([777]);
  await s.time.pass(1);
  expect((await nextEvent(s.db, s.clock())).jobSeconds).toBeLessThanOrEqual(0);
  expect(await dispatchableQueues(s.db, s.clock())).toEqual([nameOf(777)]);
  expect(await read("forgeq.next_event($1)")).toBeLessThanOrEqual(500);
});

it("takes from 64 queues at most, for at most twice the buffers of a take that knows 64 queues", async () => {
  const takesOf = async (count: number, due: readonly number[]) => {
    const s = await setupQueues(count);
    await s.enqueueIn(due);
    await s.time.pass(1);
    const { takes } = s.start({}, true);
    await s.time.pass(30);
    expect(s.ran.length).toBe(due.length);
    const all = takes();
    for (const { queues } of all) expect(queues).toBeLessThanOrEqual(64);
    // Within the first seconds: no poll makes another look.
    return Math.max(...all.slice(0, 5).map(({ buffers }) => buffers));
  };
  const few = await takesOf(64, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const many = await takesOf(MANY, DUE);
  expect(many).toBeLessThanOrEqual(2 * few);
  const s = await setupQueues(200);
  await s.enqueueIn(Array.from({ length: 200 }, (_, n) => n + 1));
  const { takes } = s.start({ concurrency: 300 });
  await s.time.pass(10);
  expect(s.ran.length).toBe(200);
  expect(Math.max(...takes().map(({ queues }) => queues))).toBe(64);
});

it("starts every due job within 35 s without a hint, whoever looks, and immediately with one; idle it sends less than 0.2 statements a second", async () => {
  const s = await setupQueues(QUEUES);
  const workers = [s.start(), s.start()];
  await s.time.pass(60);
  const startsWithin = async (queues: readonly number[], seconds: number): Promise<void> => {
    const enqueuedAtMs = s.time.now();
    const ids = await s.enqueueIn(queues);
    await s.time.pass(seconds);
    const started = s.ran.filter(({ id }) => ids.includes(id));
    expect(started.length).toBe(ids.length);
    for (const { atMs } of started) expect(atMs - enqueuedAtMs).toBeLessThanOrEqual(seconds * 1000);
  };
  for (let n = 0; n < 5; n += 1) {
    await s.time.pass(7 * n);
    await startsWithin(
      [17, 100, 345, 456, 500, 501, 777, 888, 999, 1_000].map((queue) => queue - n),
      35,
    );
  }
  await s.time.pass(60);
  const [ids] = [await s.enqueueIn([654])];
  for (const { worker } of workers) worker.hint(0, nameOf(654));
  await s.time.pass(0.1);
  expect(s.ran.at(-1)?.id).toBe(ids[0]);
  // A job that is due later, of a queue that nobody knows then.
  const [late] = await s.enqueueIn([655], 100);
  for (const { worker } of workers) worker.hint(100, nameOf(655));
  await s.time.pass(100.1);
  expect(s.ran.at(-1)?.id).toBe(late);

  await s.time.pass(60);
  for (const { sent } of workers) sent();
  await s.time.pass(600);
  for (const { sent } of workers) {
    const names = sent();
    expect(names.length).toBeLessThan(120);
    expect(new Set(names)).toEqual(new Set(["settle_and_take"]));
  }
});
