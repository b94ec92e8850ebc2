import { describe, expect, it, onTestFinished } from "vitest";
import { createHandler } from "../../../functions/enqueue.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { purge } from "../../../lib/db/protocol/maintenance.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { buffersOf } from "../../support/database/plan-buffers.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, setup, type Setup, unlimited } from "../../support/queue.ts";

const forgetting = () =>
  setup({ jobs: [{ ...plain, batchSize: 100 }], queues: [{ ...unlimited, keepCompleted: false }] });

const item = (id: string, n = 0) => ({ id, type: "plain", payload: { n } });

/** Sent again: false where the job was there already. */
const createdAgain = async (s: Setup, ids: readonly string[], at: Date): Promise<boolean[]> => {
  const rows = await enqueueMany(
    s.db,
    ids.map((id) => item(id)),
    false,
    at,
  );
  return ids.map((id) => rows.find((row) => row.requestedId === id)!.created);
};

const live = (s: Setup) => s.db.query("select id from forgeq.job");

describe("an enqueue that is sent again, in a queue that keeps no completed jobs", () => {
  it.each([1, 3, 40])("finds a job that has completed with %i in its lease, for ten minutes", async (jobs) => {
    const s = await forgetting();
    const ids = await s.queue.enqueue(jobs);
    await s.queue.settle(await s.queue.lease(), "completed");
    expect(await createdAgain(s, ids, s.at(599))).toEqual(ids.map(() => false));
    expect(await createdAgain(s, [ids[0]!], s.at(1))).toEqual([false]);
    expect(await live(s)).toEqual([]);
    await foldCounters(s.db, s.at(601));
    await purge(s.db, 1_000, s.at(601));
    expect(await createdAgain(s, [ids[0]!], s.at(602))).toEqual([true]);
  });

  it("finds one that completed before the others of its lease, while that is open and when it has closed", async () => {
    const s = await forgetting();
    const ids = await s.queue.enqueue(3);
    const held = await s.queue.lease();
    const [first = ""] = held.jobIds;
    await s.queue.settle({ ...held, jobIds: [first] }, "completed");
    expect(await createdAgain(s, [first], s.at(1))).toEqual([false]);
    await s.queue.settle({ ...held, jobIds: held.jobIds.slice(1) }, "completed");
    expect(await createdAgain(s, ids, s.at(2))).toEqual([false, false, false]);
    expect(await live(s)).toEqual([]);
  });

  it("stores what is new, however many others were there already", async () => {
    const s = await forgetting();
    const old = await s.queue.enqueue(50);
    await s.queue.settle(await s.queue.lease(), "completed");
    const fresh = uuidV7();
    expect(await createdAgain(s, [...old, fresh], s.at(1))).toEqual([...old.map(() => false), true]);
    expect(await live(s)).toEqual([{ id: fresh }]);
  });

  it("finds one that completes while it is stored", async () => {
    const s = await forgetting();
    const [id = ""] = await s.queue.enqueue(1);
    const held = await s.queue.lease();
    let again: Promise<boolean[]> | undefined;
    await s.db.transaction(async (tx) => {
      await tx.query("select forgeq.settle($1, $2, '\"completed\"', $3)", [held.leaseId, held.begunBy, s.at(0)]);
      again = createdAgain(s, [id], s.at(0));
      again.catch(() => undefined);
      await expect
        .poll(() =>
          s.db.query("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"),
        )
        .toHaveLength(1);
    });
    expect(await again).toEqual([false]);
    expect(await live(s)).toEqual([]);
  });

  it("refuses the id for a job of another type, and does not count it against a full queue", async () => {
    const other = { ...plain, type: "other" };
    const s = await setup({ jobs: [plain, other], queues: [{ ...unlimited, keepCompleted: false, maxPending: 1 }] });
    const [id = ""] = await s.queue.enqueue(1);
    await s.queue.settle(await s.queue.lease(), "completed");
    await s.queue.enqueue(1);
    await expect(enqueueMany(s.db, [{ ...item(id), type: "other" }], false, s.at(1))).rejects.toMatchObject({
      code: "id_conflict",
    });
    expect(await createdAgain(s, [id], s.at(1))).toEqual([false]);
  });

  it("answers a POST with the caller's id with the completed job", async () => {
    const s = await forgetting();
    const handler = createHandler(s.deps, ALL_SCOPES, [plain]);
    const post = () => send(handler, { path: "/jobs", method: "POST", body: { id: ID, type: "plain", payload: {} } });
    const ID = uuidV7();
    expect(await post()).toMatchObject({ status: 201, body: { id: ID, state: "pending" } });
    await s.queue.settle(await s.queue.lease(), "completed");
    expect(await post()).toMatchObject({
      status: 200,
      body: { id: ID, type: "plain", queue: "plain", state: "completed", life: 1, finished_at: s.at(0).toISOString() },
    });
    expect(await live(s)).toEqual([]);
  });

  it("is one retry by hand, too, whatever became of the next life", async () => {
    const s = await forgetting();
    const [id] = await s.queue.enqueue(1);
    await s.queue.settle(await s.queue.lease(), "dead", { error: { name: "Error", message: "no" } });
    const retry = async (second: number) =>
      (await s.db.query("select outcome from forgeq.retry($1, 1, $2)", [id, s.at(second)]))[0];
    s.moveTo(5);
    expect(await retry(5)).toEqual({ outcome: "retried" });
    await s.queue.settle(await s.queue.lease(), "completed");
    expect(await retry(6)).toEqual({ outcome: "retried" });
    expect(await live(s)).toEqual([]);
  });
});

const wal = async (s: Setup, jobs: number): Promise<number> => {
  await s.queue.enqueue(jobs);
  const held = await s.queue.lease();
  const [row] = await s.db.query<{ "QUERY PLAN": [{ Plan: { "WAL Bytes": number } }] }>(
    "explain (analyze, wal, format json) select * from forgeq.settle($1, $2, '\"completed\"', $3)",
    [held.leaseId, held.begunBy, s.at(0)],
  );
  return row!["QUERY PLAN"][0].Plan["WAL Bytes"];
};

it.each([1, 10, 100])("writes at most 48 bytes a job for it, in leases of %i", async (jobs) => {
  const s = await forgetting();
  const runs = async () => {
    let least = Infinity;
    for (let n = 0; n < 6; n += 1) least = Math.min(least, await wal(s, jobs));
    return least;
  };
  await runs();
  const remembered = await runs();
  // As if the queue kept its jobs: then nothing is remembered.
  const [made] = await s.db.query<{ text: string }>(
    "select replace(pg_get_functiondef('forgeq.end_attempts'::regproc), 'when coalesce(queue.keep_completed, true) or', 'when true or') as text",
  );
  await s.db.query(made!.text);
  const forgotten = await runs();
  expect(remembered - forgotten).toBeGreaterThanOrEqual(8 * jobs);
  expect(remembered - forgotten).toBeLessThanOrEqual(48 * jobs);
});

it.each([10, 100, 500])(
  "reads at most 6,000 buffers among 1,200,000 completed jobs, in leases of %i",
  async (jobs) => {
    const s = await forgetting();
    await s.db.query(
      `insert into forgeq.lease_closed
         (id, claim_id, begun_by, closed_at, expires_at, xid, ordinal, jobs, queue, type, reason, outcomes, tally, completed)
       select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), $1::timestamptz - interval '590 seconds' * (1 - lease.n / $2::float8), $1,
         (3 + lease.n * 100 / $2)::text::xid8, 1, $3, 'plain', 'plain', 'settled', '"completed"', job.tally, job.hashes
       from generate_series(1, $2::int) as lease(n)
       cross join lateral (
         select string_agg('\\x11'::bytea || int4send((random() * 5000)::int) || int4send(20), '') as tally,
                string_agg(int8send((random() * 9e18)::bigint), '') as hashes
         from generate_series(lease.n, lease.n + $3 - 1)) job`,
      [s.at(0), 1_200_000 / jobs, jobs],
    );
    await s.db.query("analyze forgeq.lease_closed");
    const call =
      "select * from forgeq.enqueue_many(jsonb_build_array(jsonb_build_object('id', forgeq.uuid_v7(), 'type', 'plain', 'payload', '{}'::jsonb)), false, $1)";
    // The first call on a connection reads the catalog, too, and so does one after somebody's analysis of the table.
    const db = await connectDb({ url: s.url, max: 1, keep: 1, statementSeconds: 60 });
    onTestFinished(() => db.close());
    const reads = [];
    for (let n = 0; n < 4; n += 1) reads.push(await buffersOf(db, call, [s.at(0)]));
    expect(Math.min(...reads.map(({ buffers }) => buffers))).toBeLessThanOrEqual(6_000);
    expect(reads.map(({ temporary }) => temporary)).toEqual([0, 0, 0, 0]);
  },
  120_000,
);
