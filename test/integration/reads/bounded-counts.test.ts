import { describe, expect, it, onTestFinished } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { blockedTypes } from "../../../lib/db/reads/waiting-types.ts";
import { readLiveTypes } from "../../../lib/db/reads/doctor.ts";
import { revive } from "../../../lib/db/reads/jobs.ts";
import { releaseUnbegun } from "../../../lib/db/protocol/leases.ts";
import { readQueuePage, readQueueStats } from "../../../lib/db/reads/stats.ts";
import { defineQueue } from "../../../lib/core/define.ts";
import { jobCounts } from "../../../lib/queue/observe/job-counts.ts";
import { createOverview } from "../../../lib/queue/observe/overview.ts";
import { fillHistory, fillWaiting } from "../../support/database/fill.ts";
import { ALL_SCOPES, CONTEXT, eventOf } from "../../support/http/http.ts";
import { metered } from "../../support/database/metered.ts";
import { setup, unlimited } from "../../support/queue.ts";

const queues = [unlimited, ...["emails", "crawl", "reports"].map((name) => defineQueue({ name }))];

/** 100 of them, with one due job each. */
const MANY_QUEUES = `
with made as (insert into forgeq.queue (name) select 'q' || n from generate_series(1, 100) n returning name)
insert into forgeq.job_type (type, queue, backoff) select name, name, '{}' from made;
insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
select forgeq.uuid_v7(), now() - interval '1 minute' * n, 5, 8, 'q' || n, 'q' || n, '{}' from generate_series(1, 100) n`;

/** What counts, and what else is shown beside lists of jobs. */
const COUNTING = [
  "/overview",
  "/jobs/counts",
  "/jobs/counts?type=quiet",
  "/jobs/counts?queue=emails",
  "/queues",
  "/queues/emails",
  "/queues/reports",
  "/queues/quiet",
  "/queues/q7",
  "/metrics",
  ...["1h", "24h", "7d", "30d"].map((window) => `/stats?window=${window}`),
  "/errors",
  "/errors?type=send_email",
  "/leases",
  "/workers",
  "/types",
  "/schedules",
];

const DEAD = `select id, life from forgeq.job_history where state = 'dead' and queue = 'emails' order by id limit 3`;

it(
  "counts of queues, and what doctor looks at, are exact and read a bounded number of pages",
  { timeout: 120_000 },
  async () => {
    const { db } = await setup({ queues, realClock: true });
    await fillHistory(db, 100_000, 60);
    await fillWaiting(db, 50_000);
    const meter = metered(db);

    // The backlogs of crawl and emails are taken from the counters.
    const expected = [
      { name: "crawl", pending: 19_000, scheduled: 0, dead: 0, capped: false },
      { name: "emails", pending: 30_000, scheduled: 0, dead: 1_000, capped: false },
      { name: "plain", pending: 0, dead: 0, capped: false },
      { name: "quiet", pending: 0, dead: 0, capped: false },
      { name: "reports", pending: 1_000, dead: 500, capped: false },
    ];
    expect(await readQueuePage(db, "", 100, null)).toMatchObject(expected);
    const all = await meter.costOf((counted) => readQueuePage(counted, "", 100, null));
    expect(all.most).toBeLessThan(1_500);
    expect(all.compiled).toBe(0);
    for (const of of expected) {
      expect(await readQueueStats(db, [of.name], null)).toMatchObject([of]);
      const one = await meter.costOf((counted) => readQueueStats(counted, [of.name], null));
      expect(one.most, of.name).toBeLessThan(1_000);
    }

    // What lives again is not dead: also once it has ended otherwise.
    for (const { id, life } of await db.query<{ id: string; life: number }>(DEAD))
      expect(await revive(db, id, life, null)).toMatchObject({ outcome: "retried" });
    expect(await readQueueStats(db, ["emails"], null)).toMatchObject([{ dead: 997, pending: 30_003 }]);

    const doctor = await meter.costOf((counted) => readLiveTypes(counted));
    expect(doctor.most).toBeLessThan(2_500);
  },
);

const UNMIXED = `update forgeq.job set run_at = run_at + interval '1 day' * (1 + random()), created_at = run_at where hashtext(id::text) % 2 = 0`;

describe("where vacuum has not come by", { timeout: 240_000 }, () => {
  it("counts of queues end after so many pages, and say so; a queue whose jobs are of one state is exact", async () => {
    const { db } = await setup({ queues, realClock: true });
    await fillHistory(db, 100_000, 35, "unvacuumed");
    await fillWaiting(db, 24_000, false, "unvacuumed");
    const meter = metered(db);
    const waiting = await db.query<{ name: string; waiting: number }>(
      "select queue as name, count(*)::int as waiting from forgeq.job group by queue order by queue",
    );
    for (const { name, waiting: pending } of waiting)
      expect(await readQueueStats(db, [name], null)).toMatchObject([{ name, pending, scheduled: 0 }]);

    await db.query(UNMIXED);
    for (const { name, waiting: both } of waiting) {
      const [stats] = await readQueueStats(db, [name], null);
      const { pending, scheduled, dead, capped } = stats!;
      expect(capped).toBe(true);
      expect(dead).toBeGreaterThan({ emails: 100, reports: 10, crawl: -1 }[name]!);
      expect(Math.min(pending, scheduled)).toBeGreaterThan(Math.min(100, both / 5));
      expect(pending + scheduled).toBeLessThanOrEqual(both);
      const cost = await meter.costOf((counted) => readQueueStats(counted, [name], null));
      expect(cost.most, name).toBeLessThan(1_500);
    }
    const counts = await jobCounts({ ...(await setup()).deps, db }, { types: null, queues: null });
    expect(counts).toMatchObject({ capped: true, waiting: 24_000 });
    expect(counts.dead).toBeLessThan(1_500);
  });

  it("no statement of what counts reads 1,500 pages, and no call 3,000", async () => {
    const { db, deps, url } = await setup({ queues, realClock: true });
    await db.query(MANY_QUEUES);
    await fillHistory(db, 200_000, 35, "unvacuumed");
    await fillWaiting(db, 20_000, false, "unvacuumed");
    await fillWaiting(db, 20_000, true, "unvacuumed");
    for (const minutes of [10, 0])
      await db.query("select forgeq.metric_fold(now() - make_interval(mins => $1::int))", [minutes]);
    // One connection: each reads the catalog the first time.
    const one = await connectDb({ url, max: 1, statementSeconds: 30 });
    onTestFinished(() => one.close());
    const meter = metered(one);
    for (const path of COUNTING) {
      const [at = "", query = ""] = path.split("?");
      const cost = await meter.costOf(async (counted) => {
        const { statusCode } = (await createHandler({ ...deps, db: counted }, ALL_SCOPES)(
          eventOf({ path: at, query }),
          { ...CONTEXT },
        )) as { statusCode: number };
        expect([path, statusCode]).toEqual([path, 200]);
      });
      expect(cost.most, path).toBeLessThan(1_500);
      expect(cost.buffers, path).toBeLessThan(3_000);
    }
  });
});

const SCHEDULE = `update forgeq.job set run_at = now() + interval '1 day', created_at = run_at
  where id in (select id from forgeq.job where queue = 'emails' and run_at < now() order by id limit $1)`;

it("a queue is told exactly where 10,000 of its jobs are scheduled or pending, and has at least as many of each where more are", async () => {
  const { db } = await setup({ queues, realClock: true });
  await fillWaiting(db, 40_000);
  const both = async (scheduled: number) => {
    await db.query(SCHEDULE, [scheduled]);
    await db.query("vacuum forgeq.job");
    return readQueueStats(db, ["emails"], null);
  };
  expect(await both(10_000)).toMatchObject([{ pending: 14_000, scheduled: 10_000, capped: false }]);
  expect(await both(1_000)).toMatchObject([{ pending: 10_000, scheduled: 10_000, capped: true }]);
  expect(await both(3_000)).toMatchObject([{ pending: 10_000, scheduled: 14_000, capped: false }]);
});

it("the many jobs of a queue are told exactly beside 100 others, whatever its name", { timeout: 120_000 }, async () => {
  const { db } = await setup({ queues, realClock: true });
  await db.query(MANY_QUEUES);
  await fillWaiting(db, 26_000);
  await db.query(SCHEDULE, [2_000]);
  await db.query("vacuum forgeq.job");
  const page = await readQueuePage(db, "", 100, null);
  expect(page).toHaveLength(100);
  expect(page.filter(({ name }) => /^(crawl|emails)$/.test(name))).toMatchObject([
    { pending: 9_880, scheduled: 0, capped: false },
    { pending: 13_600, scheduled: 2_000, capped: false },
  ]);
});

it("an overview of 105 queues shows the busiest 100, latest first", { timeout: 120_000 }, async () => {
  const { db, deps } = await setup({ queues, realClock: true });
  await db.query(MANY_QUEUES);
  await fillHistory(db, 100_000, 60);
  await fillWaiting(db, 50_000);
  const all = { types: null, queues: null };
  const { queues: shown, queuesLeftOut } = await createOverview()(deps, all);
  expect(queuesLeftOut).toBe(5);
  expect(shown.slice(0, 5)).toMatchObject([
    { name: "emails", pending: 30_000 },
    { name: "crawl", pending: 19_000 },
    { name: "reports", pending: 1_000 },
    { name: "q100", pending: 1, oldestPendingSeconds: expect.closeTo(6_000, -2) as number },
    { name: "q96", pending: 1, oldestPendingSeconds: expect.closeTo(5_760, -2) as number },
  ]);
});

it("doctor reads few pages, however many queues there are, and names the type whose leases come back", async () => {
  const { db, queue } = await setup({ queues, realClock: true });
  await db.query(`with made as (insert into forgeq.queue (name) select 'q' || n from generate_series(1, 1000) n returning name)
    insert into forgeq.job_type (type, queue, backoff) select name, name, '{}' from made`);
  await db.query(`insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
    select forgeq.uuid_v7(), now() + interval '1 year', 5, 8, name, name, '{}' from forgeq.queue where name like 'q%'`);
  await queue.enqueue(3);
  const [lease] = (await queue.claim(3)).leases;
  await releaseUnbegun(db, {
    leaseId: lease!.id,
    reason: "undispatched",
    error: { name: "Error", message: "gone" },
    at: null,
  });
  expect(await blockedTypes(db, null)).toEqual([
    { type: "plain", seconds: expect.any(Number) as number, reason: "Error: gone" },
  ]);
  expect(await readLiveTypes(db)).toEqual(["plain"]);
  expect((await metered(db).costOf((counted) => readLiveTypes(counted))).most).toBeLessThan(500);
  expect((await metered(db).costOf((counted) => blockedTypes(counted, null))).most).toBeLessThan(5);
});

it("numbers of jobs are not cut to 32 bits", async () => {
  const { db, queue } = await setup();
  for (let n = 0; n < 11; n += 1) await queue.enqueue(1_000);
  await db.query("update forgeq.metric_delta_0 set jobs = 2000000000 where kind = 'e'");
  await db.query("update forgeq.metric_delta_1 set jobs = 2000000000 where kind = 'e'");
  const [stats] = await readQueueStats(db, ["plain"], null);
  expect(stats).toMatchObject({ pending: 22_000_000_000, scheduled: 0, capped: false });
});
