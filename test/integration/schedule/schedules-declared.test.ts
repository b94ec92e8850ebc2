import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";
import {
  createSchedule,
  deleteSchedule,
  getSchedule,
  listSchedules,
  updateSchedule,
} from "../../../lib/queue/schedule/manage-schedules.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { plain, unlimited } from "../../support/queue.ts";
import { everyMinute, setupSchedules } from "../../support/schedule/schedules.ts";

describe("schedules that the code declares", () => {
  const declaring = (...schedules: { name: string; cron: string; payload?: { n: number } }[]) =>
    defineJob({ type: "plain", queue: "plain", payload: z.object({ n: z.number().default(0) }), schedules });

  it("are made, edited and removed with it, and keep their slots when nothing changed", async () => {
    const { db, deps, moveTo, slots, fire, minute } = await setupSchedules();
    const now = () => deps.clock();
    const both = [declaring({ name: "a", cron: "* * * * *" }, { name: "b", cron: "0 * * * *", payload: { n: 3 } })];
    await syncDefinitions(db, both, [unlimited], now());
    await createSchedule(deps, everyMinute({ name: "by_hand" }));
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
    const { db, deps } = await setupSchedules();
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
    const { db, deps } = await setupSchedules();
    await createSchedule(deps, everyMinute({ name: "by_hand" }));
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
    const { db, deps } = await setupSchedules();
    await syncDefinitions(db, [declaring({ name: "a", cron: "@daily" })], [unlimited], deps.clock());
    await syncDefinitions(db, [], [], deps.clock());
    expect(await listSchedules(deps)).toHaveLength(1);
    await syncDefinitions(db, [plain], [unlimited], deps.clock());
    expect(await listSchedules(deps)).toHaveLength(0);
  });
});
