import { expect, it } from "vitest";
import { recover } from "../../../lib/db/protocol/leases.ts";
import { purge } from "../../../lib/db/protocol/maintenance.ts";
import { ensurePartitions } from "../../../lib/db/drivers/partitions.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { plain, setup, unlimited } from "../../support/queue.ts";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";

const DAY_SECONDS = 86_400;
const WEEK_SECONDS = 7 * DAY_SECONDS;

const partitions = async (db: Db, parent: "job_history" | "job_attempt"): Promise<string[]> =>
  (
    await db.query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = $1::regclass order by 1`,
      [`forgeq.${parent}`],
    )
  ).map(({ name }) => name);

it("are there from last week to eight weeks ahead, and are made once", async () => {
  const { db, at } = await setup();
  expect(await partitions(db, "job_history")).toHaveLength(10);
  expect(await partitions(db, "job_attempt")).toHaveLength(10);
  expect(await ensurePartitions(db, at(0))).toBe(0);
  // Two weeks on, two more of each table; of several concurrent callers one makes them.
  const made = await Promise.all([1, 2, 3].map(() => ensurePartitions(db, at(2 * WEEK_SECONDS))));
  expect(made.reduce((sum, n) => sum + n, 0)).toBe(4);
  expect(await partitions(db, "job_history")).toHaveLength(12);
});

it("are made by the call that misses one", async () => {
  const { db, at, queue } = await setup();
  const [id] = await queue.enqueue(1, { maxAttempts: 1 });
  await queue.lease();
  const [name] = await db.query<{ name: string }>(
    "select 'job_history_' || to_char(date_trunc('week', $1::timestamptz at time zone 'UTC'), 'YYYYMMDD') as name",
    [at(0)],
  );
  await db.query(`drop table forgeq.${name!.name}`);
  expect(await partitions(db, "job_history")).not.toContain(name!.name);

  expect(await recover(db, 10, at(100))).toMatchObject({ jobs: 1 });
  expect(await partitions(db, "job_history")).toContain(name!.name);
  expect(await queue.get(id!)).toMatchObject({ state: "dead" });
});

it("are dropped after the longest retention of any queue, and shorter queues are deleted in slices", async () => {
  const brief = defineQueue({ name: "brief", maxInFlight: null, retentionDays: 2 });
  const short = defineJob({ type: "short", queue: "brief", payload: plain.payload });
  const { db, at, queue } = await setup({ jobs: [plain, short], queues: [unlimited, brief] });
  const finish = async (name: string) => {
    const { leases } = await queue.claim(100, name);
    for (const lease of leases) {
      const held = await queue.begin(lease.id);
      if (held !== "lease_lost") await queue.settle(held, "completed");
    }
  };
  await queue.enqueue(5);
  await finish("plain");
  await queue.enqueue(25, { type: "short" });
  await finish("brief");
  const kept = async () =>
    Object.fromEntries(
      (
        await db.query<{ queue: string; n: number }>(
          "select queue, count(*)::int as n from forgeq.job_history group by 1",
        )
      ).map(({ queue: name, n }) => [name, n]),
    );

  expect(await purge(db, 10, at(DAY_SECONDS))).toMatchObject({ partitions: 0, jobs: 0 });
  expect(await kept()).toEqual({ plain: 5, brief: 25 });
  const late = at(2 * DAY_SECONDS + 60);
  expect(await purge(db, 10, late)).toMatchObject({ jobs: 10, more: true });
  expect(await purge(db, 10, late)).toMatchObject({ jobs: 10, more: true });
  expect(await purge(db, 10, late)).toMatchObject({ jobs: 5, more: false });
  expect(await kept()).toEqual({ plain: 5 });

  const before = (await partitions(db, "job_history")).length;
  const dropped = await purge(db, 10, at(30 * DAY_SECONDS + 2 * WEEK_SECONDS));
  expect(dropped.partitions).toBeGreaterThanOrEqual(4);
  expect(await kept()).toEqual({});
  expect((await partitions(db, "job_history")).length).toBeLessThan(before);
});

it("waits for nobody: a partition that is being read is dropped at a later purge", async () => {
  const { db, at } = await setup();
  const late = at(30 * DAY_SECONDS + 2 * WEEK_SECONDS);
  const [oldest] = await partitions(db, "job_history");
  await db.transaction(async (reader) => {
    await reader.query(`select from forgeq.${oldest!}`);
    await purge(db, 10, late);
    expect(await partitions(db, "job_history")).toContain(oldest);
  });
  await purge(db, 10, late);
  expect(await partitions(db, "job_history")).not.toContain(oldest);
});

it.each([
  ["ensure_partitions", "select forgeq.ensure_partitions(at => $1)", 0],
  ["purge", "select forgeq.purge(at => $1)", 0],
  ["purge that drops a partition", "select forgeq.purge(at => $1)", 60 * DAY_SECONDS],
  ["metric_fold", "select forgeq.metric_fold($1)", 0],
])("%s leaves the lock time-out of its caller's transaction as it was", async (_, text, seconds) => {
  const { db, at } = await setup();
  await db.transaction(async (tx) => {
    await tx.query("set local lock_timeout = '7s'");
    await tx.query(text, [at(seconds)]);
    expect(await tx.query("show lock_timeout")).toEqual([{ lock_timeout: "7s" }]);
  });
});
