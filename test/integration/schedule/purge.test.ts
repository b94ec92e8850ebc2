import { describe, expect, it, onTestFinished } from "vitest";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { setLimits } from "../../../lib/db/reads/queues.ts";
import { purge } from "../../../lib/db/protocol/maintenance.ts";
import { buffersOf } from "../../support/database/buffers.ts";
import { plain, setup, unlimited } from "../../support/queue.ts";

const DAY = 86_400;
const brief = defineQueue({ name: "brief", maxInFlight: null, retentionDays: 2 });
const short = defineJob({ type: "short", queue: "brief", payload: plain.payload });
const PURGE = "select * from forgeq.purge(5000, $1)";

/** History of `days` days up to `at(0)`: 10,000 jobs a day in the queue plain, 200 in brief, of which one in ten has an attempt that failed. */
const setupHistory = async (days: number) => {
  const s = await setup({ jobs: [plain, short], queues: [unlimited, brief] });
  // One connection, so that its caches are warm after the first call.
  const db = await connectDb({ url: s.url, max: 1, statementSeconds: 60 });
  onTestFinished(() => db.close());
  for (let day = days; day > 7; day -= 7) await db.query("select forgeq.ensure_partitions(0, $1)", [s.at(-day * DAY)]);
  await db.query(
    `insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, queue, type)
     select gen_random_uuid(), t, t, 'completed', 1, 5, case when n % 500 = 0 then 2 else 1 end, 3,
            case when n % 50 = 0 then 'brief' else 'plain' end, 'plain'
     from (select n, $1::timestamptz - make_interval(secs => n * $2::float8 / $3::float8) as t from generate_series(1, $3::int) n) rows`,
    [s.at(0), days * DAY, days * 10_000],
  );
  await db.query(
    `insert into forgeq.job_attempt (job_id, life, number, outcome, ended_at)
     select id, 1, 1, 'retry', created_at from forgeq.job_history where attempt = 2`,
  );
  await db.query("vacuum (analyze) forgeq.job_history");
  const purgeAll = async (seconds: number, maxRows = 5_000) => {
    let [jobs, most] = [0, 0];
    for (let more = true; more;) {
      const purged = await purge(db, maxRows, s.at(seconds));
      jobs += purged.jobs;
      most = Math.max(most, purged.jobs);
      more = purged.more;
    }
    return { jobs, most };
  };
  const buffers = (seconds: number) => buffersOf(db, PURGE, [s.at(seconds)]);
  /** Of a call that finds nothing due; the least of three, because a look at the catalog may come in between. */
  const idle = async (seconds: number) =>
    Math.min(await buffers(seconds), await buffers(seconds), await buffers(seconds));
  return { ...s, db, purgeAll, buffers, idle };
};

const count = async (s: Awaited<ReturnType<typeof setupHistory>>, table: string, where: string): Promise<number> =>
  (await s.db.query<{ n: number }>(`select count(*)::int as n from forgeq.${table} where ${where}`))[0]!.n;

describe("purge of queues that keep less than others", () => {
  it("deletes what is past its retention, with its attempts, and reads no more than what leaves the retention then", async () => {
    const s = await setupHistory(12);
    const { jobs } = await s.purgeAll(0);
    expect(jobs).toBe(10 * 200);
    expect(await count(s, "job_history", `queue = 'brief'`)).toBe(400);
    expect(await count(s, "job_history", `queue = 'plain'`)).toBe(12 * 9_800);
    // Those of the ten days are gone; attempts of jobs that are kept stay.
    expect(await count(s, "job_attempt", "true")).toBe(40);

    expect(await s.idle(0)).toBeLessThanOrEqual(20);
    // Another tick, of another process, some seconds later.
    expect(await s.idle(20)).toBeLessThanOrEqual(20);
    // A minute's jobs lie in one or two ranges of 32 pages.
    expect(await s.buffers(60)).toBeLessThanOrEqual(120);
    expect(await s.buffers(120)).toBeLessThanOrEqual(120);
    expect(await s.idle(120)).toBeLessThanOrEqual(20);
  });

  it("reads each job once, however many calls a backlog takes", async () => {
    const s = await setupHistory(12);
    const pages = await s.db.query<{ n: number }>(
      "select sum(relpages)::int as n from pg_class where relname ~ '^job_history_\\d+$'",
    );
    let [total, jobs, more] = [0, 0, true];
    while (more) {
      total += await buffersOf(s.db, "select * from forgeq.purge(2000, $1)", [s.at(0)]);
      const [mark] = await s.db.query<{ done: boolean }>("select exists (select from forgeq.purge_mark) as done");
      more = !mark!.done;
      jobs = await count(s, "job_history", `queue = 'brief'`);
    }
    expect(jobs).toBe(400);
    // A page may belong to two windows; each deleted row, and each of its attempts, costs some more.
    expect(total).toBeLessThan(pages[0]!.n * 2 + 2_000 * 3 + 200 * 12);
  });

  it("reads nothing for queues that keep as long as the longest, or that have caught up", async () => {
    const s = await setupHistory(10);
    await s.db.query("update forgeq.queue set retention_days = 30");
    await s.purgeAll(0);
    expect(await s.idle(60)).toBeLessThanOrEqual(20);
    expect(await count(s, "job_history", `queue = 'brief'`)).toBe(2_000);
  });

  it("begins again for a queue that comes, comes back, or keeps its jobs for less", async () => {
    const s = await setupHistory(10);
    await s.purgeAll(0);
    await setLimits(s.db, "brief", { retentionDays: 1 });
    expect(await s.purgeAll(0)).toMatchObject({ jobs: 200 });
    // The others' mark of two days is there already.
    await s.db.query("insert into forgeq.queue (name, retention_days) values ('late', 2)");
    await s.db.query(
      "update forgeq.job_history set queue = 'late' where queue = 'plain' and finished_at < $1 and attempt = 1",
      [s.at(-9 * DAY)],
    );
    const { jobs } = await s.purgeAll(0);
    expect(jobs).toBeGreaterThan(9_000);
    expect(await count(s, "job_history", `queue = 'late'`)).toBe(0);
    expect(await s.db.query("select name from forgeq.queue where purged_to is not null order by name")).toEqual([
      { name: "plain" },
    ]);
  });

  it("writes and reads no row a queue while nothing is due, with 1,000 queues that keep less", async () => {
    const s = await setup();
    const db = await connectDb({ url: s.url, max: 1, statementSeconds: 60 });
    onTestFinished(() => db.close());
    await s.db.query(
      "insert into forgeq.queue (name, retention_days) select 'q' || n, 7 from generate_series(1, 1000) n",
    );
    await purge(s.db, 5_000, s.at(0));
    const before = await s.db.query("select name, xmin from forgeq.queue order by name");
    for (const minute of [1, 2, 3])
      expect(await purge(s.db, 5_000, s.at(minute * 60))).toMatchObject({ jobs: 0, more: false });
    expect(await s.db.query("select name, xmin from forgeq.queue order by name")).toEqual(before);
    // The first purge has moved each queue once.
    await db.query("vacuum forgeq.queue");
    const buffers = [];
    for (let n = 0; n < 3; n += 1) buffers.push(await buffersOf(db, PURGE, [s.at(180)]));
    expect(Math.min(...buffers)).toBeLessThanOrEqual(20);
  });

  it("deletes jobs of one instant in calls, too", async () => {
    const s = await setupHistory(3);
    await s.db.query("update forgeq.job_history set finished_at = $1 where queue = 'brief'", [s.at(-2.5 * DAY)]);
    expect(await s.purgeAll(0, 100)).toEqual({ jobs: 600, most: 100 });
  });

  it("goes back with a clock that went back, and misses nothing", async () => {
    const s = await setupHistory(5);
    await s.purgeAll(1 * DAY);
    expect(await count(s, "job_history", `queue = 'brief'`)).toBe(200);
    await s.purgeAll(0);
    await s.db.query("update forgeq.job_history set queue = 'brief' where finished_at > $1 and finished_at < $2", [
      s.at(-1.5 * DAY),
      s.at(-1.4 * DAY),
    ]);
    await s.purgeAll(1 * DAY);
    expect(await count(s, "job_history", `queue = 'brief'`)).toBe(200);
  });
});
