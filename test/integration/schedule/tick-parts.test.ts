import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { lastTick } from "../../../lib/db/reads/metrics.ts";
import { createSchedule } from "../../../lib/queue/schedule/manage-schedules.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { TICK_PARTS } from "../../../lib/queue/schedule/tick-parts.ts";
import { strays } from "../../support/queue.ts";
import { everyMinute, setupSchedules } from "../../support/schedule/schedules.ts";

const long = () => 60_000;
const PARTS = TICK_PARTS.map(({ name }) => name);

/** A database in which each part of a tick has something to do, and a `db` whose statements have a second each. One that fails takes 40 % of the time that is left. */
const setupParts = async () => {
  const warned: Record<string, unknown>[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_: string, fields = {}) => void warned.push(fields),
    error: () => undefined,
  };
  const s = await setupSchedules({ logger });
  const impatient = await connectDb({ url: s.url, statementSeconds: 1 });
  onTestFinished(() => impatient.close());
  let leftMs = 50_000;
  const query = async <Row>(text: string, params?: readonly unknown[]) => {
    try {
      return await impatient.query<Row>(text, params);
    } catch (error) {
      leftMs *= 0.6;
      throw error;
    }
  };
  const db: Db = { ...impatient, query };
  await createSchedule(s.deps, everyMinute());
  await s.queue.enqueue(2);
  await s.queue.claim(1);
  const [stray] = await s.queue.enqueue(1);
  await s.db.query("update forgeq.job set claim_id = gen_random_uuid(), attempt = 1 where id = $1", [stray]);
  await s.db.query("insert into forgeq.queue (name, retention_days) values ('short', 1)");
  await s.db.query(
    `insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, queue, type)
     values (gen_random_uuid(), $1, $1, 'completed', 1, 5, 1, 3, 'short', 'plain')`,
    [s.at(-2 * 86_400)],
  );
  s.moveTo(2);
  const done = async () => Object.keys((await lastTick(s.db)).parts);
  return { ...s, deps: { ...s.deps, db, logger }, remainingMs: () => 10_000 + leftMs, warned, done };
};

const releases: (() => Promise<unknown>)[] = [];
afterEach(async () => void (await Promise.all(releases.splice(0).map((release) => release()))));

/** Holds a lock on a table until the test ends or `release` is called. */
const lock = async (db: Db, table: string): Promise<() => Promise<unknown>> => {
  const held = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const ended = db.transaction(async (tx) => {
    await tx.query(`lock table forgeq.${table} in access exclusive mode`);
    held.resolve();
    await released.promise;
  });
  await Promise.race([held.promise, ended]);
  const release = () => {
    released.resolve();
    return ended;
  };
  releases.push(release);
  return release;
};

describe("the parts of a tick", () => {
  it.each([
    // The parts that don't read the table.
    ["job_history", ["wake", "partitions", "fold", "repair"]],
    ["lease", ["fire", "partitions", "purge"]],
    ["schedule", ["recover", "partitions", "fold", "purge", "repair", "observe"]],
    ["purge_mark", PARTS.filter((part) => part !== "purge")],
  ])(
    "go on beside those that a lock on %s stops, which are logged, counted, and done by the next tick",
    async (table, goOn) => {
      const s = await setupParts();
      const release = await lock(s.db, table);
      const { partsFailed, workLeft } = await tick(s.deps, s.remainingMs);
      expect(partsFailed.length).toBeGreaterThan(0);
      expect(goOn.filter((part) => partsFailed.includes(part))).toEqual([]);
      expect(workLeft).toBe(true);
      expect(s.metrics.counts.get("TickPartsFailed")).toBe(partsFailed.length);
      expect(s.metrics.counts.get("Ticks")).toBe(1);
      expect(s.warned.filter(({ part }) => part !== undefined).map(({ part }) => part)).toEqual(partsFailed);

      await release();
      expect((await tick({ ...s.deps, db: s.db }, long)).partsFailed).toEqual([]);
      // Of a statement that was given up nobody knows whether it took effect: what counts is what became of the rows.
      await vi.waitFor(async () => expect([await s.db.query("select from forgeq.lease"), await strays(s.db), await s.slots()]).toEqual([[], 0, [1, 2]])); // prettier-ignore
      expect(await s.db.query("select from forgeq.job_history")).toEqual([]);
    },
  );

  it("go on beside one that the database refuses, and say in the database since when", async () => {
    const s = await setupParts();
    await tick(s.deps, long);
    const before = await lastTick(s.db);
    await s.db.query(
      `create or replace function forgeq.purge(max_rows int default 5000, at timestamptz default null) returns table (partitions int, jobs int, leases int, more boolean)
       language plpgsql as $$ begin raise 'no purge today'; end $$`,
    );
    s.moveTo(3);
    expect(await tick(s.deps, long)).toMatchObject({ partsFailed: ["purge"], workLeft: true, slotsFired: 1 });
    expect(s.warned).toContainEqual({ part: "purge", reason: "no purge today (P0001)" });
    const after = await lastTick(s.db);
    expect(PARTS.filter((part) => after.parts[part] === before.parts[part])).toEqual(["purge"]);
    expect(after.seconds).toBe(s.minute(3).getTime() / 1000);
  });

  it("have their share of the time: what fails after it is not sent again, and each of the others has its turn", async () => {
    const s = await setupParts();
    let sent = 0;
    const query = <Row>(text: string, params?: readonly unknown[]) => {
      if (text.startsWith("/* forgeq:due_schedules */")) sent += 1;
      return s.deps.db.query<Row>(text, params);
    };
    await lock(s.db, "schedule");
    // Each statement of that part takes more than its share.
    const report = await tick({ ...s.deps, db: { ...s.deps.db, query } }, () => 110_000 - sent * 70_000);
    expect(sent).toBe(1);
    expect(report.partsFailed).toEqual(["fire", "wake"]);
    expect(report).toMatchObject({ leasesRecovered: 1, jobsRepaired: 1, jobsPurged: 1 });
    expect(s.warned).toContainEqual({ part: "fire", reason: expect.stringContaining("longer than") as string });
  });

  it("stop when their time is over, and the next parts begin", async () => {
    const s = await setupParts();
    await s.queue.enqueue(40);
    for (let n = 0; n < 40; n += 1) await s.queue.claim(1);
    s.moveTo(10);
    let statements = 0;
    const query = <Row>(text: string, params?: readonly unknown[]) => {
      statements += 1;
      return s.deps.db.query<Row>(text, params);
    };
    // A second for each statement: every part is begun, however little time it has.
    const report = await tick({ ...s.deps, db: { ...s.deps.db, query } }, () => 45_000 - statements * 1_000);
    expect(report.partsFailed).toEqual([]);
    expect([...(await s.done())].sort()).toEqual([...PARTS].sort());
  });

  it("examine some slices of the live jobs, and go on with the next ones in the next tick", async () => {
    const s = await setupParts();
    await tick(s.deps, long);
    await s.db.query(
      `insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
       select gen_random_uuid(), $1::timestamptz + interval '1 hour', 5, 3, 'plain', 'plain', '{}' from generate_series(1, 210000)`,
      [s.minute(2)],
    );
    const examined: unknown[] = [];
    const query = <Row>(text: string, params?: readonly unknown[]) => {
      if (text.startsWith("/* forgeq:repair */")) examined.push(params?.[0]);
      return s.db.query<Row>(text, params);
    };
    const ticks: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      await tick({ ...s.deps, db: { ...s.db, query } }, long);
      ticks.push(examined.length);
    }
    expect(ticks).toEqual([20, 40, 43]);
    // No slice twice, and from the beginning again after the last one.
    expect(new Set(examined).size).toBe(43);
    await tick({ ...s.deps, db: { ...s.db, query } }, long);
    expect(examined[43]).toBeNull();
  });
});
