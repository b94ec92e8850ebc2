import { describe, expect, it } from "vitest";
import { SCHEDULE_DEFAULTS } from "../../../lib/core/schedule.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { createSchedule } from "../../../lib/queue/schedule/manage-schedules.ts";
import { simulate } from "../../support/simulator.ts";

const HOUR = 3600;
const job = (extra: object = {}) => ({ type: "plain", payload: {}, ...extra });
const cron = (rule: string) => ({
  ...SCHEDULE_DEFAULTS,
  name: "rule",
  cron: rule,
  type: "plain",
});

describe("armed", () => {
  it("a day with nothing to do is 0 queries and 0 invocations", async () => {
    const { virtual, meter, invocations } = await simulate({ mode: "armed" });
    await virtual.pass(24 * HOUR);
    expect(meter).toEqual({ queries: 0, awakeSeconds: 0, resumes: 0 });
    expect(invocations).toEqual({ dispatcher: 0, scheduler: 0, handler: 0 });
  });

  it.each([1, 2, 3, 4, 5])("a day with one job keeps the database awake at most 8 minutes (%i)", async (seed) => {
    const { deps, virtual, meter, starts } = await simulate({ mode: "armed", seed, doubled: 0 });
    await virtual.pass(9 * HOUR + seed * 11);
    await enqueueJobs(deps, [job()]);
    await virtual.pass(15 * HOUR - seed * 11);
    expect(starts).toHaveLength(1);
    expect(meter.resumes).toBe(1);
    expect(meter.awakeSeconds).toBeLessThanOrEqual(480);
  });

  it("a day with one slot keeps it awake at most 8 minutes, and starts its job at the slot", async () => {
    const { deps, virtual, meter, lateness } = await simulate({ mode: "armed", doubled: 0 });
    await createSchedule(deps, cron("30 * * * *"));
    await virtual.pass(10 * 60);
    const before = meter.awakeSeconds;
    await virtual.pass(50 * 60);
    expect(lateness()).toHaveLength(1);
    expect(lateness()[0]).toBeLessThan(3);
    expect(meter.awakeSeconds - before).toBeLessThanOrEqual(480);
  });

  it("fires every slot of a day once, with wakes that come twice", async () => {
    const { deps, virtual, starts, startMs } = await simulate({ mode: "armed", doubled: 0.3 });
    await createSchedule(deps, cron("0 */6 * * *"));
    await virtual.pass(24 * HOUR + 60);
    const slots = starts.map(({ runAtMs }) => runAtMs).sort((a, b) => a - b);
    expect(new Set(slots).size).toBe(4);
    expect(slots).toHaveLength(4);
    expect(slots.every((slotMs) => slotMs > startMs && new Date(slotMs).getUTCHours() % 6 === 0)).toBe(true);
  });
});

describe.each(["always", "armed"] as const)("%s", (mode) => {
  it("starts a job due in 5 s, 61 s or 10 minutes within a second of its time, on warm environments", async () => {
    const { deps, virtual, lateness } = await simulate({ mode });
    await enqueueJobs(deps, [job()]);
    await virtual.pass(100);
    for (const delaySeconds of [5, 61, 600]) {
      await enqueueJobs(deps, [job({ delaySeconds })]);
      await virtual.pass(delaySeconds + 30);
    }
    const late = lateness().slice(1);
    expect(late).toHaveLength(3);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...late)).toBeLessThan(1);
  });

  it("a burst of 1,000 enqueues invokes a handful of dispatchers, and leaves no job to a tick", async () => {
    const { deps, virtual, invocations, starts } = await simulate({ mode });
    await Promise.all(Array.from({ length: 1_000 }, () => enqueueJobs(deps, [job()])));
    await virtual.pass(20);
    expect(starts).toHaveLength(1_000);
    expect(invocations["dispatcher"]).toBeLessThanOrEqual(6);
  });
});
