import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { purge } from "../../../lib/db/protocol/maintenance.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { counters } from "../../support/observe/metrics.ts";
import { setup, type Setup } from "../../support/queue.ts";

const client = async (url: string): Promise<pg.Client> => {
  const connected = new pg.Client({ connectionString: url });
  await connected.connect();
  onTestFinished(() => connected.end());
  return connected;
};

const begin = async (s: Setup, statement: string, params: readonly unknown[] = []): Promise<pg.Client> => {
  const held = await client(s.url);
  await held.query("begin");
  await held.query(statement, [...params]);
  return held;
};

const enqueued = async (db: Db): Promise<number> => (await counters(db))["plain/plain/enqueued"] ?? 0;

const pending = async (db: Db): Promise<number> => {
  const [row] = await db.query<{ rows: number }>("select count(*)::int as rows from forgeq.metric_deltas");
  return row!.rows;
};

/** Ids of leases are made so long ago from now on. */
const makeIdsAgo = (db: Db, seconds: number) =>
  db.query(`create or replace function forgeq.uuid_v7() returns uuid language sql volatile as $$
    select (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint - ${seconds * 1000}), 12, '0')
      || '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid $$`);

it("folds enqueues beside transactions that have stored jobs, each of which keeps one side, and counts theirs when they commit", async () => {
  const s = await setup();
  const holders = [];
  for (let n = 0; n < 6; n += 1) {
    holders.push(await begin(s, "select * from forgeq.enqueue('plain', '{}', delay_seconds => 60)"));
    await s.queue.enqueue(1);
    await foldCounters(s.db, s.at(n));
  }
  for (let n = 0; n < 10; n += 1) {
    await s.queue.enqueue(1);
    await foldCounters(s.db, s.at(10 + n));
  }
  expect(await enqueued(s.db)).toBe(16);
  // Those of the sides that are kept, and of the two that change places.
  expect(await pending(s.db)).toBeLessThanOrEqual(6 + 1);
  for (const [n, holder] of holders.entries()) {
    await holder.query("commit");
    expect(await enqueued(s.db)).toBe(17 + n);
    await foldCounters(s.db, s.at(30 + n));
    expect(await enqueued(s.db)).toBe(17 + n);
  }
  await foldCounters(s.db, s.at(40));
  await foldCounters(s.db, s.at(41));
  expect(await pending(s.db)).toBe(0);
  expect(await enqueued(s.db)).toBe(22);
});

it("leaves the active side where it is while all others are kept, and loses nothing", async () => {
  const s = await setup();
  const holders = [];
  for (let n = 0; n < 9; n += 1) {
    holders.push(await begin(s, "select * from forgeq.enqueue('plain', '{}', delay_seconds => 60)"));
    await s.queue.enqueue(1);
    expect(await foldCounters(s.db, s.at(n))).toBe(true);
  }
  expect(await enqueued(s.db)).toBe(9);
  for (const holder of holders) await holder.query("commit");
  for (let n = 0; n < 3; n += 1) await foldCounters(s.db, s.at(10 + n));
  expect(await enqueued(s.db)).toBe(18);
  expect(await pending(s.db)).toBe(0);
});

it("counts what the folding transaction itself goes on to close", async () => {
  const s = await setup();
  await s.queue.enqueue(3);
  const leases = [await s.queue.lease(1), await s.queue.lease(1), await s.queue.lease(1)];
  const settle = "select forgeq.settle($1::uuid, $2::uuid, '\"completed\"', $3)";
  await s.db.transaction(async (tx) => {
    await tx.query(settle, [leases[0]!.leaseId, leases[0]!.begunBy, s.at(0)]);
    // Others commit meanwhile, so that this transaction lies below the newest one.
    await s.queue.settle(leases[1]!, "completed");
    await tx.query("select forgeq.metric_fold($1)", [s.at(1)]);
    await tx.query(settle, [leases[2]!.leaseId, leases[2]!.begunBy, s.at(1)]);
  });
  for (let n = 0; n < 3; n += 1) {
    expect(await counters(s.db)).toMatchObject({ "plain/plain/finished_completed": 3, "plain/plain/started": 3 });
    await foldCounters(s.db, s.at(2 + n));
  }
});

it("counts open leases of any age, more than can be named, too, and one that was missed ten minutes later at the latest", async () => {
  const s = await setup();
  await makeIdsAgo(s.db, 60);
  const started = async () => (await counters(s.db))["plain/plain/started"];
  await s.queue.enqueue(123);
  for (let n = 0; n < 120; n += 1) await s.queue.lease(1);
  for (let n = 0; n < 2; n += 1) {
    await foldCounters(s.db, s.at(n));
    expect(await started()).toBe(120);
  }
  await s.queue.lease(1);
  expect(await started()).toBe(121);
  await makeIdsAgo(s.db, 3600);
  const late = await s.queue.lease(1);
  expect(await started()).toBe(121);
  await s.db.query("update forgeq.metric_state set all_seen_at = all_seen_at - interval '10 minutes'");
  await foldCounters(s.db, s.at(3));
  expect(await started()).toBe(122);
  await s.queue.settle(late, "completed");
  expect(await counters(s.db)).toMatchObject({ "plain/plain/started": 122, "plain/plain/finished_completed": 1 });
});

it("forgets a closed lease that committed long after later ones were forgotten, ten minutes after it closed", async () => {
  const s = await setup();
  await s.queue.enqueue(3);
  const [late, early, newer] = [await s.queue.lease(1), await s.queue.lease(1), await s.queue.lease(1)];
  const closed = () => s.db.query<{ id: string }>("select id from forgeq.lease_closed order by closed_at");
  const settle = "select forgeq.settle($1, $2, '\"completed\"', $3)";
  const holder = await begin(s, settle, [late.leaseId, late.begunBy, s.at(0)]);
  await s.queue.settle(early, "completed");
  await foldCounters(s.db, s.at(60));
  await purge(s.db, 100, s.at(700));
  expect(await closed()).toEqual([]);
  s.moveTo(300);
  await s.queue.settle(newer, "completed");
  await foldCounters(s.db, s.at(700));
  await holder.query("commit");
  // Not counted yet, so it stays.
  await purge(s.db, 100, s.at(800));
  expect(await closed()).toEqual([{ id: late.leaseId }, { id: newer.leaseId }]);
  await foldCounters(s.db, s.at(801));
  await purge(s.db, 100, s.at(801));
  expect(await closed()).toEqual([{ id: newer.leaseId }]);
  await purge(s.db, 100, s.at(901));
  expect(await closed()).toEqual([]);
});
