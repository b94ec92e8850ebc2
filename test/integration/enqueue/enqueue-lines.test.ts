import type { IdentifiedJob } from "../../../lib/core/new-job.ts";
import { expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { enqueueMany, enqueueManyIn } from "../../../lib/db/protocol/enqueue.ts";
import { beginLease } from "../../../lib/db/protocol/leases.ts";
import { type Ended, settle } from "../../../lib/db/protocol/settle.ts";
import { DRIVERS, openWith } from "../../support/database/drivers.ts";
import { miscounted, plain, setup } from "../../support/queue.ts";
import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";

const other = defineJob({ type: "other", queue: "others", payload: z.unknown() });

/** More than go row by row. */
const alike = (count = 7, more: Partial<IdentifiedJob> = {}): IdentifiedJob[] =>
  Array.from({ length: count }, (_, n) => ({ id: uuidV7(), type: "plain", payload: { n }, ...more }));

const ROWS = `select priority, max_attempts, depth, queue, type, traceparent, metadata, payload, run_at, created_at, unique_key
from forgeq.job order by id`;

it("stores jobs alike as it stores jobs that differ", async () => {
  const more = {
    priority: 2,
    maxAttempts: 4,
    metadata: { team: "a" },
    depth: 3,
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  };
  const [one, other] = [await setup(), await setup()];
  const texts: string[] = [];
  const db: Db = {
    ...one.db,
    query: (text, params) => {
      texts.push(text);
      return one.db.query(text, params);
    },
  };
  const stored = await enqueueMany(db, alike(7, more), true, one.at(0));
  // A call that is sent again takes the general path.
  await enqueueMany(other.db, alike(7, more), false, one.at(0));

  expect(texts).toEqual([expect.stringContaining("enqueue_lines")]);
  expect(stored).toHaveLength(7);
  expect(new Set(stored.map(({ requestedId, id }) => requestedId === id))).toEqual(new Set([true]));
  expect(stored[6]).toMatchObject({
    created: true,
    queue: "plain",
    priority: 5,
    maxAttempts: 3,
    dueSeconds: 0,
    createdAt: one.at(0),
  });
  const rows = await one.db.query(ROWS);
  expect(rows).toHaveLength(7);
  expect(rows).toEqual(await other.db.query(ROWS));
  expect([await miscounted(one.db), await miscounted(other.db)]).toEqual([0, 0]);
});

/** Lines, quotes, separators of arrays and lists, characters of one to four bytes. */
const TEXTS = ["a\nb\r\nc", '"{},{"', "\\n", "\u2028\u0001\t", "é😀𝄞", ",", "}", ""];

it.each(DRIVERS)(
  "stores each job's own payload and details over %s, by itself and in a transaction",
  async (driver) => {
    const s = await setup();
    const db = await openWith(driver, s.url);
    const items = [...TEXTS, ...TEXTS].map((text, n): IdentifiedJob => ({
      id: uuidV7(),
      type: "plain",
      payload: n % 2 === 0 ? { [text]: [text] } : text,
      ...(n % 3 === 0 && { metadata: { text } }),
      ...(n % 4 === 0 && { depth: n }),
    }));
    await enqueueMany(db, items.slice(0, 8), true, s.at(0));
    await db.transaction((tx) => enqueueManyIn(tx, items.slice(8), true, s.at(0)));
    const rows = await s.db.query("select id, payload, metadata, depth from forgeq.job order by id");
    expect(rows).toEqual(
      items.map(({ id, payload, metadata = null, depth = null }) => ({ id, payload, metadata, depth })),
    );
  },
);

it("finds what the call stored whose answer was lost", async () => {
  const s = await setup();
  let lost = 0;
  const db: Db = {
    ...s.db,
    query: async <Row>(text: string, params?: readonly unknown[]) => {
      const rows = await s.db.query<Row>(text, params);
      if (lost === 0) {
        lost += 1;
        throw Object.assign(new Error("Connection terminated unexpectedly"), { code: "ECONNRESET" });
      }
      return rows;
    },
  };
  const items = alike(7, { metadata: { team: "a" }, queue: "plain" });
  const rows = await enqueueMany(db, items, true, s.at(0));
  expect(lost).toBe(1);
  expect(rows.map(({ requestedId, id, created }) => [requestedId, id, created])).toEqual(
    items.map(({ id }) => [id, id, false]),
  );
  const [row] = await s.db.query<{ n: number }>(
    'select count(*)::int as n from forgeq.job where metadata = \'{"team": "a"}\'',
  );
  expect(row?.n).toBe(7);
  expect(await miscounted(s.db)).toBe(0);
});

it("stores jobs of several types, due now and later, in one call, and counts each", async () => {
  const s = await setup({ jobs: [plain, other] });
  const jobs: IdentifiedJob[] = [
    ...alike(3),
    ...alike(2, { type: "other", priority: 1 }),
    ...alike(1, { delaySeconds: 60 }),
    ...alike(1, { type: "other", runAt: s.at(90), metadata: { team: "a" } }),
    ...alike(1, { runAt: s.at(-5) }),
  ];
  const texts: string[] = [];
  const query: Db["query"] = (text, params) => {
    texts.push(text);
    return s.db.query(text, params);
  };
  const rows = await enqueueMany({ ...s.db, query }, jobs, true, s.at(0));
  expect(texts).toEqual([expect.stringContaining("enqueue_lines")]);

  const rowOf = new Map(rows.map((row) => [row.requestedId, row]));
  expect(jobs.map(({ id }) => rowOf.get(id))).toMatchObject([
    ...Array<object>(3).fill({ created: true, queue: "plain", priority: 5, dueSeconds: 0, runAt: s.at(0) }),
    ...Array<object>(2).fill({ created: true, queue: "others", priority: 1, dueSeconds: 0, runAt: s.at(0) }),
    { created: true, queue: "plain", dueSeconds: 60, runAt: s.at(60), createdAt: s.at(0) },
    { created: true, queue: "others", dueSeconds: 90, runAt: s.at(90) },
    { created: true, queue: "plain", dueSeconds: 0, runAt: s.at(-5) },
  ]);
  const stored = await s.db.query<{ id: string }>(ROWS.replace("select ", "select id, "));
  const again = await setup({ jobs: [plain, other] });
  await enqueueMany(again.db, jobs, false, s.at(0));
  expect(stored).toEqual(await again.db.query(ROWS.replace("select ", "select id, ")));
  expect([await miscounted(s.db), await miscounted(again.db)]).toEqual([0, 0]);
});

const WAYS: Record<string, readonly [more: (n: number) => Partial<IdentifiedJob>, fresh: boolean]> = {
  "jobs alike": [() => ({}), true],
  "jobs with details": [(n) => ({ depth: n }), true],
  "jobs of several types": [(n) => ({ type: n % 3 === 0 ? "other" : "plain" }), true],
  "jobs with unique keys": [(n) => ({ uniqueKey: `${99 - n}` }), true],
  "jobs of a call that is sent again": [() => ({}), false],
};

it.each(Object.entries(WAYS))("keeps the order of the call, of %s", async (_, [more, fresh]) => {
  const s = await setup({ jobs: [plain, other] });
  const jobs = Array.from({ length: 40 }, (__, n) => alike(1, more(n))[0]!);
  await enqueueMany(s.db, jobs, fresh, s.at(0));
  const rows = await s.db.query<{ id: string }>("select id from forgeq.job order by ctid");
  expect(rows.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));
});

it("takes the general path, which blames the right job, when one of several types is unknown or its queue is limited", async () => {
  const queues = [{ name: "plain", maxInFlight: null, maxPending: 3, retentionDays: 30, keepCompleted: true }];
  const { db, at } = await setup({ jobs: [plain, other], queues });
  const mixed = (more: Partial<IdentifiedJob>): IdentifiedJob[] => [...alike(1, { type: "other" }), ...alike(1, more)];
  await expect(enqueueMany(db, mixed({ type: "unheard_of" }), true, at(0))).rejects.toMatchObject({
    code: "unknown_type",
    details: { index: 1 },
  });
  for (let n = 0; n < 3; n += 1) expect(await enqueueMany(db, mixed({}), true, at(0))).toHaveLength(2);
  await expect(enqueueMany(db, mixed({}), true, at(0))).rejects.toMatchObject({
    code: "queue_full",
    details: { index: 1, queue: "plain" },
  });
  const [row] = await db.query<{ n: number }>("select count(*)::int as n from forgeq.job");
  expect(row?.n).toBe(6);
  expect(await miscounted(db)).toBe(0);
});

it.each([null, undefined])("refuses a payload that is %s, and stores none of the others", async (payload) => {
  const { db, at } = await setup();
  const items = [...alike(7), ...alike(1, { payload })];
  await expect(enqueueMany(db, items, true, at(0))).rejects.toMatchObject({ code: "invalid_job" });
  const [row] = await db.query<{ n: number }>("select count(*)::int as n from forgeq.job");
  expect(row?.n).toBe(0);
});

it("goes into the queue that the call names", async () => {
  const { db, at } = await setup({ jobs: [{ ...plain, queues: ["side"] }] });
  const items = alike(7, { queue: "side" });
  const first = await enqueueMany(db, items, true, at(0));
  const second = await enqueueMany(db, alike(8, { queue: "side" }), true, at(0));
  expect([...first, ...second].map(({ queue, created }) => [queue, created])).toEqual(Array(15).fill(["side", true]));
  expect(first.map(({ id }) => id).sort()).toEqual(items.map(({ id }) => id).sort());
  expect(await miscounted(db)).toBe(0);
});

it("stores none of them in a queue that has no capacity for all", async () => {
  const queues = [{ name: "plain", maxInFlight: null, maxPending: 10, retentionDays: 30, keepCompleted: true }];
  const { db, at } = await setup({ queues });
  await enqueueMany(db, alike(7), true, at(0));
  await expect(enqueueMany(db, alike(7), true, at(0))).rejects.toMatchObject({
    code: "queue_full",
    details: { index: 0 },
  });
  await expect(enqueueMany(db, alike(7, { type: "unheard_of" }), true, at(0))).rejects.toMatchObject({
    code: "unknown_type",
    details: { index: 0 },
  });
  await expect(enqueueMany(db, alike(7, { payload: { text: "\0" } }), true, at(0))).rejects.toMatchObject({
    code: "invalid_job",
  });
  const [row] = await db.query<{ n: number }>("select count(*)::int as n from forgeq.job");
  expect(row?.n).toBe(7);
  expect(await miscounted(db)).toBe(0);
});

it("finds those that are there when it is sent again, and stores the others", async () => {
  const { db, at } = await setup();
  const items = alike(9);
  await enqueueMany(db, items.slice(0, 6), true, at(0));
  const rows = await enqueueMany(db, items, false, at(1));
  const created = Object.fromEntries(rows.map((row) => [row.requestedId, row.created]));
  expect(created).toEqual(Object.fromEntries(items.map(({ id }, index) => [id, index >= 6])));
  expect(rows.every(({ requestedId, id }) => requestedId === id)).toBe(true);
  const other = items.map((item) => ({ ...item, payload: { n: -1 } }));
  await expect(enqueueMany(db, other, false, at(2))).rejects.toMatchObject({ code: "id_conflict" });
  expect(await miscounted(db)).toBe(0);
});

it("gives a payload back as it was sent, and knows it again with its keys in another order", async () => {
  const s = await setup();
  const payload = { zebra: 1, a: { y: [1.5, "é"], b: null }, mm: "x" };
  const [id] = await s.queue.enqueue(1, { payload });
  const texts = "select payload::text as stored, pg_typeof(payload)::text as type from forgeq.job";
  expect(await s.db.query(texts)).toEqual([{ stored: JSON.stringify(payload), type: "json" }]);

  const sent = (again: unknown) => enqueueMany(s.db, [{ id: id!, type: "plain", payload: again }], false, s.at(1));
  expect(await sent({ mm: "x", a: { b: null, y: [1.5, "é"] }, zebra: 1 })).toMatchObject([{ created: false, id }]);
  await expect(sent({ ...payload, zebra: 2 })).rejects.toMatchObject({ code: "id_conflict" });

  // What people look at is jsonb, with all that goes with it.
  const found = "select state from forgeq.jobs where payload @> $1::jsonb";
  expect(await s.db.query(found, ['{"a": {"b": null}}'])).toEqual([{ state: "pending" }]);
  const { leases } = await s.queue.claim(1);
  const holder = { leaseId: leases[0]!.id, begunBy: uuidV7(), leaseSeconds: 60, invocation: "test:1", at: s.at(0) };
  const begun = await beginLease(s.db, holder);
  expect(begun).toMatchObject({ jobs: [{ id }] });
  expect(JSON.stringify(begun !== "lease_lost" && begun.jobs[0]!.payload)).toBe(JSON.stringify(payload));
});

it("says when a job was created, whatever moves it to another time", async () => {
  const s = await setup();
  const [retried, cancelled, mended, done] = await s.queue.enqueue(4);
  const createdAt = s.at(0);
  // It is not written down as long as that is when the job is due.
  const written = "select count(created_at)::int as created, count(depth)::int as depths from forgeq.job";
  expect(await s.db.query(written)).toEqual([{ created: 0, depths: 0 }]);
  expect(await s.queue.get(retried!)).toMatchObject({ createdAt, runAt: createdAt });

  // Each before anything else has written it down.
  await s.db.query("select forgeq.cancel($1, $2)", [cancelled, s.at(5)]);
  await s.db.query("update forgeq.job set claim_id = $2 where id = $1", [mended, uuidV7()]);
  await s.db.query("select forgeq.repair(null, 100, $1)", [s.at(20)]);
  s.moveTo(10);
  const held = await s.queue.lease();
  const ended: Ended[] = [
    { id: done!, outcome: "completed" },
    { id: retried!, outcome: "retry", delaySeconds: 60 },
  ];
  await settle(s.db, held, ended, s.at(10));
  expect(await s.queue.get(cancelled!)).toMatchObject({ state: "cancelled", createdAt, runAt: createdAt });
  expect(await s.queue.get(mended!)).toMatchObject({ state: "scheduled", createdAt, runAt: s.at(20) });
  expect(await s.queue.get(done!)).toMatchObject({ state: "completed", createdAt, runAt: createdAt });
  expect(await s.queue.get(retried!)).toMatchObject({ state: "scheduled", createdAt, runAt: s.at(70) });

  await s.db.query("select forgeq.cancel($1, $2)", [retried, s.at(30)]);
  expect(await s.queue.get(retried!)).toMatchObject({ state: "cancelled", createdAt, runAt: s.at(70) });
  const view = "select distinct created_at from forgeq.jobs";
  expect(await s.db.query(view)).toEqual([{ created_at: createdAt }]);
});
