import { expect, it } from "vitest";
import { ensurePartitions } from "../../../lib/db/drivers/partitions.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { purge } from "../../../lib/db/protocol/maintenance.ts";
import { countHistoryPage } from "../../../lib/db/reads/finished-jobs.ts";
import { defineQueue } from "../../../lib/core/define.ts";
import { setup } from "../../support/queue.ts";

const WEEK_SECONDS = 7 * 86_400;

interface Partition {
  readonly name: string;
  readonly from: Date;
  readonly to: Date;
}

const partitions = (db: Db, parent = "job_history"): Promise<Partition[]> =>
  db.query<Partition>(`select name, from_at as "from", to_at as "to" from forgeq.partitions_of($1) order by from_at`, [
    parent,
  ]);

const keeping = (retentionDays: number) =>
  setup({ queues: [defineQueue({ name: "plain", maxInFlight: null, retentionDays })] });

/** As ticks do, once a week. */
const passWeeks = async (db: Db, at: (seconds: number) => Date, from: number, to: number): Promise<void> => {
  for (let week = from; week <= to; week += 1) await ensurePartitions(db, at(week * WEEK_SECONDS));
};

const isMonth = ({ from, to }: Partition): boolean =>
  from.getUTCDate() === 1 && to.getUTCDate() === 1 && (to.getTime() - from.getTime()) / 86_400_000 >= 28;

const expectNoGap = (all: readonly Partition[]): void => {
  for (const [n, { to }] of all.slice(0, -1).entries()) expect(all[n + 1]!.from).toEqual(to);
};

it("are of a month where a queue keeps its jobs for more than a year, and cover every instant", async () => {
  const { db, at } = await keeping(3650);
  await passWeeks(db, at, 0, 104);
  for (const parent of ["job_history", "job_attempt"]) {
    const all = await partitions(db, parent);
    expectNoGap(all);
    // The ten weeks that were there before, two years and two months of months, and the rest of the month in which the weeks ended.
    expect(all.slice(11).every(isMonth)).toBe(true);
    expect(all.length).toBeGreaterThanOrEqual(10 + 23);
    expect(all.length).toBeLessThanOrEqual(10 + 1 + 26);
  }
});

it("are of a week up to a year, and again when no queue keeps its jobs for longer", async () => {
  const { db, at } = await keeping(366);
  await passWeeks(db, at, 0, 10);
  expect(await partitions(db)).toHaveLength(20);
  await db.query("update forgeq.queue set retention_days = 367");
  await passWeeks(db, at, 11, 30);
  await db.query("update forgeq.queue set retention_days = 30");
  await passWeeks(db, at, 31, 60);
  const all = await partitions(db);
  expectNoGap(all);
  expect(all.filter(isMonth).length).toBeGreaterThanOrEqual(3);
  expect(all.at(-1)!.to.getTime() - all.at(-1)!.from.getTime()).toBe(WEEK_SECONDS * 1000);
});

it("a month is dropped when its last day is past the retention, and not before", async () => {
  const { db, at } = await keeping(400);
  await passWeeks(db, at, 0, 30);
  const month = (await partitions(db)).find(isMonth)!;
  const past = (days: number): Date => new Date(month.to.getTime() + days * 86_400_000);
  await purge(db, 10, past(399));
  expect((await partitions(db)).map(({ name }) => name)).toContain(month.name);
  await purge(db, 10, past(401));
  const left = await partitions(db);
  expect(left.map(({ name }) => name)).not.toContain(month.name);
  expect(left.every(({ to }) => to > month.to)).toBe(true);
});

it("what finished in a part of a month is counted in pages of as many rows as were asked for", async () => {
  const { db, at } = await keeping(3650);
  await passWeeks(db, at, 0, 30);
  const month = (await partitions(db)).find(isMonth)!;
  const day = (n: number): Date => new Date(month.from.getTime() + n * 86_400_000);
  for (let n = 0; n < 28; n += 1)
    await db.query(
      `insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, queue, type)
       values (forgeq.id_of($1, $2), $2, $2, 'completed', 1, 5, 1, 1, 'plain', 'plain')`,
      [`job ${n}`, day(n)],
    );
  const counted: number[] = [];
  let jobs = 0;
  for (let after = null as Awaited<ReturnType<typeof countHistoryPage>>["next"], more = true; more;) {
    const page = await countHistoryPage(db, { from: day(25), to: day(27), after, pageRows: 10 });
    counted.push(page.examined);
    jobs += page.counts.reduce((sum, { count }) => sum + count, 0);
    after = page.next;
    more = after !== null;
  }
  expect(jobs).toBe(2);
  // A page walks the month in the order of ids: it ends after ten rows, wherever the window lies.
  expect(counted).toEqual([10, 10, 8]);
  expect(await countHistoryPage(db, { from: at(-1e9), to: at(-9e8), after: null, pageRows: 10 })).toMatchObject({
    examined: 0,
    next: null,
  });
});
