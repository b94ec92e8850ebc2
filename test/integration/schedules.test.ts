import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineJob, defineQueue } from "../../lib/core/define.ts";
import { SCHEDULE_DEFAULTS, type ScheduleDefinition } from "../../lib/core/schedule.ts";
import { slotJobId } from "../../lib/core/slots.ts";
import { setPaused } from "../../lib/db/queues.ts";
import { fireSlots } from "../../lib/db/schedules.ts";
import { fireOf, fireSchedules } from "../../lib/queue/fire-schedules.ts";
import {
  createSchedule,
  deleteSchedule,
  getSchedule,
  listSchedules,
  triggerSchedule,
  updateSchedule,
} from "../../lib/queue/schedules.ts";
import { previewSlots } from "../../lib/core/slots.ts";
import { syncDefinitions } from "../../lib/queue/sync.ts";
import { tick } from "../../lib/queue/tick.ts";
import { plain, setup as baseSetup, type SetupOptions, unlimited } from "../support/queue.ts";

const definition = (over: Partial<ScheduleDefinition> = {}): ScheduleDefinition => ({
  ...SCHEDULE_DEFAULTS,
  name: "every_minute",
  cron: "* * * * *",
  type: "plain",
  payload: { n: 7 },
  queue: null,
  priority: null,
  paused: false,
  startsAt: null,
  endsAt: null,
  ...over,
});

const never = () => false;

/** A queue whose clock begins at a whole hour, far from any midnight. */
const setup = async (options: SetupOptions = {}) => {
  const s = await baseSetup(options);
  const noon = new Date(s.at(0));
  noon.setUTCHours(12, 0, 0, 0);
  const offset = (noon.getTime() - s.at(0).getTime()) / 1000;
  const minute = (minutes: number): Date => s.at(offset + minutes * 60);
  const moveTo = (minutes: number): Date => s.moveTo(offset + minutes * 60);
  moveTo(0);
  const slots = async (name = "every_minute"): Promise<number[]> => {
    const rows = await s.db.query<{ slot: string }>(
      `select metadata ->> 'slot_at' as slot from forgeq.job where metadata ->> 'schedule' = $1 order by run_at`,
      [name],
    );
    return rows.map(({ slot }) => (Date.parse(slot) - minute(0).getTime()) / 60_000);
  };
  return { ...s, minute, moveTo, slots, fire: () => fireSchedules(s.deps, never) };
};

describe("a schedule", () => {
  it("fires each slot once, and nothing before it", async () => {
    const { deps, moveTo, slots, fire, minute, queue } = await setup();
    const made = await createSchedule(deps, definition());
    expect(made.nextSlotAt).toEqual(minute(1));

    moveTo(0.9);
    expect(await fire()).toMatchObject({ jobs: 0 });
    moveTo(1.2);
    expect(await fire()).toMatchObject({ jobs: 1, schedules: 1 });
    expect(await fire()).toMatchObject({ jobs: 0 });
    moveTo(2);
    await tick(deps, () => 60_000);
    expect(await slots()).toEqual([1, 2]);

    const job = await queue.get(slotJobId(made.id, minute(1)));
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
    const { db, deps, minute, moveTo, slots, fire } = await setup();
    const seen = await createSchedule(deps, definition());
    moveTo(1);
    const stale = fireOf({ ...seen, now: minute(1) });
    const reports = await Promise.all(Array.from({ length: 5 }, fire));

    expect(reports.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(1);
    expect(await fireSlots(db, [stale], minute(1))).toMatchObject([{ outcome: "stale", jobs: 0 }]);
    expect(await slots()).toEqual([1]);
  });

  it("takes a job of the slot that is there already for its own", async () => {
    const { db, deps, minute, moveTo, slots, fire } = await setup();
    await createSchedule(deps, definition());
    moveTo(1);
    await fire();
    await db.query("update forgeq.schedule set decided_until = $1, next_slot_at = $2", [minute(0), minute(1)]);
    await fire();
    expect(await slots()).toEqual([1]);
  });

  it("does not wait for a schedule that another caller holds", async () => {
    const { db, deps, moveTo, fire, slots } = await setup();
    await createSchedule(deps, definition());
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
    const { deps, moveTo, slots, fire } = await setup();
    await createSchedule(deps, definition({ catchUp, catchUpLimit }));
    moveTo(30.5);
    await fire();
    expect(await slots()).toEqual(wanted);
  });

  it.each([
    ["skip", []],
    ["last", [120]],
    ["all", [60, 120]],
  ] as const)("fires missed hours as its policy says: %s", async (catchUp, wanted) => {
    const { deps, moveTo, slots, fire, minute } = await setup();
    await createSchedule(deps, definition({ cron: "0 * * * *", catchUp }));
    moveTo(150);
    await fire();
    expect(await slots()).toEqual(wanted);
    expect(await getSchedule(deps, "every_minute")).toMatchObject({ nextSlotAt: minute(180) });
  });

  it("spreads its jobs by the same jitter each time", async () => {
    const { db, deps, moveTo, fire } = await setup();
    await createSchedule(deps, definition({ jitterSeconds: 600 }));
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
    const { deps, moveTo, slots, fire, minute } = await setup();
    await createSchedule(deps, definition({ startsAt: minute(2), endsAt: minute(3) }));
    for (let minutes = 1; minutes <= 5; minutes += 1) {
      moveTo(minutes);
      await fire();
    }
    expect(await slots()).toEqual([2, 3]);
    expect(await getSchedule(deps, "every_minute")).toMatchObject({ nextSlotAt: null });
  });

  it("keeps its slots, and holds up no other schedule, while its queue is full", async () => {
    const small = defineQueue({ name: "small", maxPending: 1, maxInFlight: null });
    const { db, deps, moveTo, slots, fire } = await setup({ queues: [unlimited, small] });
    await createSchedule(deps, definition({ queue: "small", catchUp: "all" }));
    await createSchedule(deps, definition({ name: "other" }));
    moveTo(2);
    expect(await fire()).toMatchObject({ refused: 1, jobs: 2 });
    expect(await slots("other")).toEqual([1, 2]);
    expect(await slots()).toEqual([]);

    await db.query("update forgeq.queue set max_pending = 10 where name = 'small'");
    await fire();
    expect(await slots()).toEqual([1, 2]);
  });

  it("fires also into a paused queue, whose jobs wait", async () => {
    const { db, deps, moveTo, fire, queue } = await setup();
    await createSchedule(deps, definition());
    await setPaused(db, "plain", true);
    moveTo(1);
    expect(await fire()).toMatchObject({ jobs: 1 });
    expect((await queue.claim()).outcome).toBe("paused");
  });
});

describe("overlap", () => {
  it("allow enqueues whatever else lives", async () => {
    const { deps, moveTo, slots, fire } = await setup();
    await createSchedule(deps, definition());
    moveTo(3);
    await fire();
    expect(await slots()).toEqual([1, 2, 3]);
  });

  it("skip leaves slots out while a job of it lives", async () => {
    const { deps, moveTo, slots, fire, queue } = await setup();
    await createSchedule(deps, definition({ overlap: "skip" }));
    moveTo(2);
    await fire();
    expect(await slots()).toEqual([1]);
    const held = await queue.lease();
    moveTo(3);
    await fire();
    await queue.settle(held, "completed");
    expect(await slots()).toEqual([]);
    moveTo(4);
    await fire();
    expect(await slots()).toEqual([4]);
  });

  it("queue_one lets one wait beside the one that runs", async () => {
    const { deps, moveTo, slots, fire, queue } = await setup();
    await createSchedule(deps, definition({ overlap: "queue_one" }));
    moveTo(1);
    await fire();
    await queue.lease();
    moveTo(3);
    await fire();
    moveTo(4);
    await fire();
    expect(await slots()).toEqual([1, 2]);
  });
});

describe("editing", () => {
  it("fires what is due by the old rule first, then goes on by the new one", async () => {
    const { deps, moveTo, slots, fire, minute } = await setup();
    await createSchedule(deps, definition());
    moveTo(2.5);
    const edited = await updateSchedule(deps, "every_minute", (seen) => ({ ...seen, cron: "*/5 * * * *" }));
    expect(edited).toMatchObject({ nextSlotAt: minute(5) });
    moveTo(6);
    await fire();
    expect(await slots()).toEqual([1, 2, 5]);
  });

  it("does not touch the slots when the rule stays", async () => {
    const { deps, moveTo, slots, fire } = await setup();
    await createSchedule(deps, definition());
    for (let seconds = 0; seconds < 180; seconds += 20) {
      moveTo(seconds / 60);
      await Promise.all([
        fire(),
        updateSchedule(deps, "every_minute", (seen) => ({ ...seen, payload: { n: seconds } })),
        fire(),
      ]);
    }
    moveTo(3);
    await fire();
    expect(await slots()).toEqual([1, 2, 3]);
  });

  it("is not held up by a queue that refuses its jobs", async () => {
    const small = defineQueue({ name: "small", maxPending: 1, maxInFlight: null });
    const { deps, moveTo } = await setup({ queues: [unlimited, small] });
    await createSchedule(deps, definition({ queue: "small" }));
    moveTo(3);
    expect(await updateSchedule(deps, "every_minute", (seen) => ({ ...seen, queue: null }))).toMatchObject({
      queue: null,
    });
  });

  it("fires nothing of a pause, and what was due before it", async () => {
    const { deps, moveTo, slots, fire, minute } = await setup();
    await createSchedule(deps, definition({ catchUp: "all" }));
    moveTo(1);
    expect(await updateSchedule(deps, "every_minute", (seen) => ({ ...seen, paused: true }))).toMatchObject({
      paused: true,
      nextSlotAt: null,
    });
    moveTo(10);
    await fire();
    const resumed = await updateSchedule(deps, "every_minute", (seen) => ({ ...seen, paused: false }));
    expect(resumed).toMatchObject({ nextSlotAt: minute(11) });
    moveTo(11);
    await fire();
    expect(await slots()).toEqual([1, 11]);
  });

  it("is told of an unknown name, a name that is taken and a rule without slots", async () => {
    const { deps } = await setup();
    await createSchedule(deps, definition());
    expect(await getSchedule(deps, "no")).toBe("not_found");
    expect(await updateSchedule(deps, "no", (seen) => seen)).toBe("not_found");
    expect(await deleteSchedule(deps, "no")).toBe("not_found");
    expect(await triggerSchedule(deps, "no")).toBe("not_found");
    await expect(createSchedule(deps, definition())).rejects.toMatchObject({ code: "schedule_exists" });
    for (const wrong of [{ cron: "0 0 30 2 *" }, { cron: "x" }, { timezone: "Mars" }])
      await expect(createSchedule(deps, definition({ name: "other", ...wrong }))).rejects.toMatchObject({
        code: "invalid_schedule",
      });
  });

  it("previews the next slots", async () => {
    const { deps, minute } = await setup();
    const made = await createSchedule(deps, definition({ cron: "*/20 * * * *" }));
    expect(previewSlots(made, 3)).toEqual([minute(20), minute(40), minute(60)]);
  });

  it("triggers a job beside the slots, which overlap then sees", async () => {
    const { deps, moveTo, slots, fire } = await setup();
    await createSchedule(deps, definition({ overlap: "skip" }));
    const job = await triggerSchedule(deps, "every_minute");
    expect(job).toMatchObject({ state: "pending", metadata: { schedule: "every_minute" } });
    moveTo(1);
    await fire();
    expect(await slots()).toEqual([NaN]);
  });

  it("ends with its deletion; its jobs stay, and a new one of the name is another", async () => {
    const { deps, moveTo, slots, fire } = await setup();
    await createSchedule(deps, definition());
    moveTo(1);
    await fire();
    expect(await deleteSchedule(deps, "every_minute")).toBe("deleted");
    moveTo(0.5);
    await createSchedule(deps, definition());
    moveTo(1);
    await fire();
    expect(await slots()).toEqual([1, 1]);
  });
});

describe("schedules that the code declares", () => {
  const declaring = (...schedules: { name: string; cron: string; payload?: { n: number } }[]) =>
    defineJob({ type: "plain", queue: "plain", payload: z.object({ n: z.number().default(0) }), schedules });

  it("are made, edited and removed with it, and keep their slots when nothing changed", async () => {
    const { db, deps, moveTo, slots, fire, minute } = await setup();
    const now = () => deps.clock();
    const both = [declaring({ name: "a", cron: "* * * * *" }, { name: "b", cron: "0 * * * *", payload: { n: 3 } })];
    await syncDefinitions(db, both, [unlimited], now());
    await createSchedule(deps, definition({ name: "by_hand" }));
    expect((await listSchedules(deps)).map(({ name, declared }) => [name, declared])).toEqual([
      ["a", true],
      ["b", true],
      ["by_hand", false],
    ]);

    moveTo(2);
    await syncDefinitions(db, both, [unlimited], now());
    await fire();
    expect(await slots("a")).toEqual([1, 2]);

    moveTo(3);
    await syncDefinitions(db, [declaring({ name: "a", cron: "*/30 * * * *" })], [unlimited], now());
    expect(await slots("a")).toEqual([1, 2, 3]);
    expect((await listSchedules(deps)).map(({ name }) => name)).toEqual(["a", "by_hand"]);
    expect(await getSchedule(deps, "a")).toMatchObject({ nextSlotAt: minute(30) });
  });

  it("can only be paused and resumed by hand, and stay paused over a deploy", async () => {
    const { db, deps } = await setup();
    const jobs = [declaring({ name: "a", cron: "* * * * *" })];
    await syncDefinitions(db, jobs, [unlimited], deps.clock());
    await expect(updateSchedule(deps, "a", (seen) => ({ ...seen, cron: "@daily" }))).rejects.toMatchObject({
      code: "declared_in_code",
    });
    await expect(deleteSchedule(deps, "a")).rejects.toMatchObject({ code: "declared_in_code" });
    await updateSchedule(deps, "a", (seen) => ({ ...seen, paused: true }));
    await syncDefinitions(db, [declaring({ name: "a", cron: "@daily" })], [unlimited], deps.clock());
    expect(await getSchedule(deps, "a")).toMatchObject({ paused: true, cron: "@daily" });
  });

  it("are refused with a wrong rule or payload, or the name of one made by hand, and nothing is written", async () => {
    const { db, deps } = await setup();
    await createSchedule(deps, definition({ name: "by_hand" }));
    for (const [job, code] of [
      [declaring({ name: "a", cron: "x" }), "invalid_schedule"],
      [
        declaring({ name: "a", cron: "@daily" }, { name: "b", cron: "@daily", payload: { n: "x" as never } }),
        "invalid_payload",
      ],
      [declaring({ name: "a", cron: "@daily" }, { name: "by_hand", cron: "@daily" }), "schedule_exists"],
      [declaring({ name: "a", cron: "@daily" }, { name: "a", cron: "@daily" }), "schedule_exists"],
    ] as const)
      await expect(syncDefinitions(db, [job], [unlimited], deps.clock())).rejects.toMatchObject({ code });
    expect((await listSchedules(deps)).map(({ name }) => name)).toEqual(["by_hand"]);
  });

  it("stay when there is no code to speak of", async () => {
    const { db, deps } = await setup();
    await syncDefinitions(db, [declaring({ name: "a", cron: "@daily" })], [unlimited], deps.clock());
    await syncDefinitions(db, [], [], deps.clock());
    expect(await listSchedules(deps)).toHaveLength(1);
    await syncDefinitions(db, [plain], [unlimited], deps.clock());
    expect(await listSchedules(deps)).toHaveLength(0);
  });
});
