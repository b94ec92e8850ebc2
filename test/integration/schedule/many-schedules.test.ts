import { expect, it, onTestFinished } from "vitest";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { dueSchedules } from "../../../lib/db/reads/schedules.ts";
import { fireSchedules } from "../../../lib/queue/schedule/fire-schedules.ts";
import { createSchedule } from "../../../lib/queue/schedule/manage-schedules.ts";
import { measured } from "../../support/database/buffers.ts";
import { plain, unlimited } from "../../support/queue.ts";
import { everyMinute, setupSchedules } from "../../support/schedule/schedules.ts";

const full = defineQueue({ name: "full", maxInFlight: null, maxPending: 1 });
const other = defineJob({ type: "other", queue: "plain", payload: plain.payload });

/** `schedules` schedules of every minute, all at the same instant, and a call that fires what is due and says what it cost. */
const setupMany = async (schedules: number) => {
  const s = await setupSchedules({ jobs: [{ ...plain, queues: ["full"] }, other], queues: [unlimited, full] });
  // One connection, so that its caches are warm.
  const db = await connectDb({ url: s.url, max: 1, statementSeconds: 60 });
  onTestFinished(() => db.close());
  await createSchedule(s.deps, everyMinute({ name: "s0" }));
  await s.db.query(
    `insert into forgeq.schedule (name, id, cron, timezone, type, payload, decided_until, next_slot_at)
     select 's' || n, gen_random_uuid(), cron, timezone, case when n % 2 = 0 then 'plain' else 'other' end, payload, decided_until, next_slot_at
     from forgeq.schedule, generate_series(1, $1::int - 1) n`,
    [schedules],
  );
  await s.db.query("vacuum (analyze) forgeq.schedule");
  const fire = async () => {
    const m = measured(db);
    const report = await fireSchedules({ ...s.deps, db: m.db }, () => false);
    return { ...report, ...m.spent };
  };
  return { ...s, fire };
};

it("2,000 schedules that are due in one minute cost 60 buffers each at most, in few statements", async () => {
  const s = await setupMany(2_000);
  // The first minute fills the caches, and the lists of jobs that live.
  s.moveTo(1);
  await s.fire();
  s.moveTo(2);
  const { schedules, jobs, statements, buffers } = await s.fire();
  expect({ schedules, jobs }).toEqual({ schedules: 2_000, jobs: 2_000 });
  expect(statements).toBeLessThanOrEqual(32);
  expect(buffers).toBeLessThanOrEqual(2_000 * 60);
  expect(s.metrics.counts.get("SlotsFired")).toBe(4_000);
  expect(await s.db.query("select from forgeq.job")).toHaveLength(4_000);
  expect(
    await s.db.query(
      "select jobs from forgeq.metric_delta_0 where kind = 'e' union all select jobs from forgeq.metric_delta_1",
    ),
  ).not.toEqual([]);
  // None is due: a look finds that in the index.
  await s.db.query("vacuum forgeq.schedule");
  expect(await s.fire()).toMatchObject({ statements: 1, jobs: 0 });
  expect((await s.fire()).buffers).toBeLessThanOrEqual(20);
});

it("some that are refused hold up none of the others, and are tried again by the next call", async () => {
  const s = await setupMany(500);
  await s.db.query("update forgeq.queue set max_pending = 0 where name = 'full'");
  await s.db.query("update forgeq.schedule set queue = 'full' where name in ('s8', 's300', 's498')");
  await s.db.query("update forgeq.schedule set type = 'gone' where name = 's11'");
  s.moveTo(1);
  expect(await s.fire()).toMatchObject({ jobs: 496, refused: 4 });
  expect(await s.fire()).toMatchObject({ jobs: 0, refused: 4 });
  await s.db.query("update forgeq.queue set max_pending = null where name = 'full'");
  expect(await s.fire()).toMatchObject({ jobs: 3, refused: 1 });
  expect(await s.db.query("select from forgeq.job")).toHaveLength(499);
});

it("a slot whose job has finished already is fired no second time", async () => {
  const s = await setupMany(3);
  s.moveTo(1);
  await s.fire();
  await s.queue.settle(await s.queue.lease(), "completed");
  await s.db.query("update forgeq.schedule set decided_until = $1, next_slot_at = $2", [s.minute(0), s.minute(1)]);
  await s.fire();
  expect(await s.db.query("select from forgeq.job union all select from forgeq.job_history")).toHaveLength(3);
});

it("the look for due schedules reads a few pages where thousands are due later", async () => {
  const s = await setupMany(5_000);
  await s.db.query("update forgeq.schedule set next_slot_at = next_slot_at + interval '1 year'");
  await s.db.query("vacuum (analyze) forgeq.schedule");
  const m = measured(s.db);
  expect((await dueSchedules(m.db, 200, null, null)).schedules).toEqual([]);
  expect(m.spent.buffers).toBeLessThan(20);
});
