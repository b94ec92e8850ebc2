import { describe, expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import {
  createSchedule,
  deleteSchedule,
  getSchedule,
  triggerSchedule,
  updateSchedule,
} from "../../../lib/queue/schedule/manage-schedules.ts";
import { previewSlots } from "../../../lib/core/slots.ts";
import { plain, unlimited } from "../../support/queue.ts";
import { everyMinute, setupSchedules } from "../../support/schedule/schedules.ts";

describe("editing", () => {
  it("fires what is due by the old rule first, then goes on by the new one", async () => {
    const { deps, moveTo, slots, fire, minute } = await setupSchedules();
    await createSchedule(deps, everyMinute());
    moveTo(2.5);
    const edited = await updateSchedule(deps, "every_minute", (seen) => ({ ...seen, cron: "*/5 * * * *" }));
    expect(edited).toMatchObject({ nextSlotAt: minute(5) });
    moveTo(6);
    await fire();
    expect(await slots()).toEqual([1, 2, 5]);
  });

  it("does not touch the slots when the rule stays", async () => {
    const { deps, moveTo, slots, fire } = await setupSchedules();
    await createSchedule(deps, everyMinute());
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
    const { deps, moveTo } = await setupSchedules({
      jobs: [{ ...plain, queues: ["small"] }],
      queues: [unlimited, small],
    });
    await createSchedule(deps, everyMinute({ queue: "small" }));
    moveTo(3);
    expect(await updateSchedule(deps, "every_minute", (seen) => ({ ...seen, queue: null }))).toMatchObject({
      queue: null,
    });
  });

  it("fires nothing of a pause, and what was due before it", async () => {
    const { deps, moveTo, slots, fire, minute } = await setupSchedules();
    await createSchedule(deps, everyMinute({ catchUp: "all" }));
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

  it("is refused an unknown name, a name that is taken and a rule without slots", async () => {
    const { deps } = await setupSchedules();
    await createSchedule(deps, everyMinute());
    expect(await getSchedule(deps, "no")).toBe("not_found");
    expect(await updateSchedule(deps, "no", (seen) => seen)).toBe("not_found");
    expect(await deleteSchedule(deps, "no")).toBe("not_found");
    expect(await triggerSchedule(deps, "no")).toBe("not_found");
    await expect(createSchedule(deps, everyMinute())).rejects.toMatchObject({ code: "schedule_exists" });
    for (const wrong of [{ cron: "0 0 30 2 *" }, { cron: "x" }, { timezone: "Mars" }])
      await expect(createSchedule(deps, everyMinute({ name: "other", ...wrong }))).rejects.toMatchObject({
        code: "invalid_schedule",
      });
  });

  it("previews the next slots", async () => {
    const { deps, minute } = await setupSchedules();
    const made = await createSchedule(deps, everyMinute({ cron: "*/20 * * * *" }));
    expect(previewSlots(made, 3)).toEqual([minute(20), minute(40), minute(60)]);
  });

  it("triggers a job beside the slots, which overlap then sees", async () => {
    const { deps, moveTo, slots, fire } = await setupSchedules();
    await createSchedule(deps, everyMinute({ overlap: "skip" }));
    const job = await triggerSchedule(deps, "every_minute");
    expect(job).toMatchObject({ state: "pending", metadata: { schedule: "every_minute" } });
    moveTo(1);
    await fire();
    expect(await slots()).toEqual([NaN]);
  });

  it("ends with its deletion; its jobs stay, and a new one of the name is another", async () => {
    const { deps, moveTo, slots, fire } = await setupSchedules();
    await createSchedule(deps, everyMinute());
    moveTo(1);
    await fire();
    expect(await deleteSchedule(deps, "every_minute")).toBe("deleted");
    moveTo(0.5);
    await createSchedule(deps, everyMinute());
    moveTo(1);
    await fire();
    expect(await slots()).toEqual([1, 1]);
  });
});
