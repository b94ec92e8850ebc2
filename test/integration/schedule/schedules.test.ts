import { describe, expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { idOf } from "../../../lib/core/id-of.ts";
import { setPaused } from "../../../lib/db/reads/queues.ts";
import { fireSlots } from "../../../lib/db/reads/schedules.ts";
import { fireOf } from "../../../lib/queue/schedule/fire-schedules.ts";
import { createSchedule, getSchedule } from "../../../lib/queue/schedule/manage-schedules.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { plain, unlimited } from "../../support/queue.ts";
import { everyMinute, setupSchedules } from "../../support/schedule/schedules.ts";

describe("a schedule", () => {
  it("fires each slot once, and nothing before it", async () => {
    const { deps, moveTo, slots, fire, minute, queue } = await setupSchedules();
    const made = await createSchedule(deps, everyMinute());
    expect(made.nextSlotAt).toEqual(minute(1));

    moveTo(0.9);
    expect(await fire()).toMatchObject({ jobs: 0 });
    moveTo(1.2);
    expect(await fire()).toMatchObject({ jobs: 1, schedules: 1 });
    expect(await fire()).toMatchObject({ jobs: 0 });
    moveTo(2);
    await tick(deps, () => 60_000);
    expect(await slots()).toEqual([1, 2]);

    const job = await queue.get(idOf(made.id, minute(1)));
    expect(job).toMatchObject({
      type: "plain",
      queue: "plain",
      payload: { n: 7 },
      runAt: minute(1),
      metadata: { schedule: "every_minute" },
    });
    expect(await getSchedule(deps, "every_minute")).toMatchObject({ lastSlotAt: minute(2), nextSlotAt: minute(3) });
  });

  it("decides a slot once among five schedulers, a second time, and with what it saw before", async () => {
    const { db, deps, minute, moveTo, slots, fire } = await setupSchedules();
    const seen = await createSchedule(deps, everyMinute());
    moveTo(1);
    const stale = fireOf({ ...seen, now: minute(1) });
    const reports = await Promise.all(Array.from({ length: 5 }, fire));

    expect(reports.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(1);
    expect(await fireSlots(db, [stale], minute(1))).toMatchObject([{ outcome: "stale", jobs: 0 }]);
    expect(await slots()).toEqual([1]);
  });

  it("takes a job of the slot that is there already for its own", async () => {
    const { db, deps, minute, moveTo, slots, fire } = await setupSchedules();
    await createSchedule(deps, everyMinute());
    moveTo(1);
    await fire();
    await db.query("update forgeq.schedule set decided_until = $1, next_slot_at = $2", [minute(0), minute(1)]);
    await fire();
    expect(await slots()).toEqual([1]);
  });

  it("catches up slots of months ago, each once: their ids are older than those that a caller may give", async () => {
    const { db, deps, minute, moveTo, slots, fire } = await setupSchedules();
    await createSchedule(deps, everyMinute({ cron: "0 12 * * *", catchUp: "all", catchUpLimit: 200 }));
    moveTo(100 * 1440);
    expect(await fire()).toMatchObject({ jobs: 100, refused: 0 });
    await db.query("update forgeq.schedule set decided_until = $1, next_slot_at = $2", [minute(0), minute(1440)]);
    await fire();
    expect(await slots()).toEqual(Array.from({ length: 100 }, (_, day) => (day + 1) * 1440));
  });

  it("does not wait for a schedule that another caller holds", async () => {
    const { db, deps, moveTo, fire, slots } = await setupSchedules();
    await createSchedule(deps, everyMinute());
    moveTo(1);
    await db.transaction(async (tx) => {
      await tx.query("select from forgeq.schedule for update");
      expect(await fire()).toMatchObject({ jobs: 0 });
    });
    await fire();
    expect(await slots()).toEqual([1]);
  });

  it.each([
    ["skip", 10, [26, 27, 28, 29, 30]],
    ["last", 10, [26, 27, 28, 29, 30]],
    ["all", 3, [23, 24, 25, 26, 27, 28, 29, 30]],
    ["all", 100, Array.from({ length: 30 }, (_, n) => n + 1)],
  ] as const)("catches up after half an hour without ticks: %s, %i", async (catchUp, catchUpLimit, wanted) => {
    const { deps, moveTo, slots, fire } = await setupSchedules();
    await createSchedule(deps, everyMinute({ catchUp, catchUpLimit }));
    moveTo(30.5);
    await fire();
    expect(await slots()).toEqual(wanted);
  });

  it.each([
    ["skip", []],
    ["last", [120]],
    ["all", [60, 120]],
  ] as const)("fires missed hours as its policy says: %s", async (catchUp, wanted) => {
    const { deps, moveTo, slots, fire, minute } = await setupSchedules();
    await createSchedule(deps, everyMinute({ cron: "0 * * * *", catchUp }));
    moveTo(150);
    await fire();
    expect(await slots()).toEqual(wanted);
    expect(await getSchedule(deps, "every_minute")).toMatchObject({ nextSlotAt: minute(180) });
  });

  it("spreads its jobs by the same jitter each time", async () => {
    const { db, deps, moveTo, fire } = await setupSchedules();
    await createSchedule(deps, everyMinute({ jitterSeconds: 600 }));
    moveTo(5);
    await fire();
    const rows = await db.query<{ late: number }>(
      `select extract(epoch from run_at - (metadata ->> 'slot_at')::timestamptz)::float8 as late from forgeq.job order by id`,
    );
    const late = rows.map((row) => row.late);
    expect(late).toHaveLength(5);
    expect(new Set(late).size).toBe(5);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThan(600);
  });

  it("has slots from starts_at to ends_at", async () => {
    const { deps, moveTo, slots, fire, minute } = await setupSchedules();
    await createSchedule(deps, everyMinute({ startsAt: minute(2), endsAt: minute(3) }));
    for (let minutes = 1; minutes <= 5; minutes += 1) {
      moveTo(minutes);
      await fire();
    }
    expect(await slots()).toEqual([2, 3]);
    expect(await getSchedule(deps, "every_minute")).toMatchObject({ nextSlotAt: null });
  });

  it("keeps its slots, and holds up no other schedule, while its queue is full", async () => {
    const small = defineQueue({ name: "small", maxPending: 1, maxInFlight: null });
    const { db, deps, moveTo, slots, fire } = await setupSchedules({
      jobs: [{ ...plain, queues: ["small"] }],
      queues: [unlimited, small],
    });
    await createSchedule(deps, everyMinute({ queue: "small", catchUp: "all" }));
    await createSchedule(deps, everyMinute({ name: "other" }));
    moveTo(2);
    expect(await fire()).toMatchObject({ refused: 1, jobs: 2 });
    expect(await slots("other")).toEqual([1, 2]);
    expect(await slots()).toEqual([]);

    await db.query("update forgeq.queue set max_pending = 10 where name = 'small'");
    await fire();
    expect(await slots()).toEqual([1, 2]);
  });

  it("fires also into a paused queue, whose jobs wait", async () => {
    const { db, deps, moveTo, fire, queue } = await setupSchedules();
    await createSchedule(deps, everyMinute());
    await setPaused(db, "plain", true);
    moveTo(1);
    expect(await fire()).toMatchObject({ jobs: 1 });
    expect((await queue.claim()).outcome).toBe("paused");
  });
});
