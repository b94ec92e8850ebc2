import { expect, it } from "vitest";
import { defineJob } from "../../../lib/core/define.ts";
import { declareQueue } from "../../../lib/db/reads/queues.ts";
import { deleteQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import {
  createSchedule,
  listSchedules,
  triggerSchedule,
  updateSchedule,
} from "../../../lib/queue/schedule/manage-schedules.ts";
import { plain, unlimited } from "../../support/queue.ts";
import { everyMinute, setupSchedules } from "../../support/schedule/schedules.ts";

const REFUSED = { code: "unknown_queue", details: { errors: [{ pointer: "/queue" }] } };

it("makes no schedule for a queue that is not there or not listed for its type", async () => {
  const s = await setupSchedules();
  await declareQueue(s.db, "theirs", { types: [] });
  for (const queue of ["nowhere", "theirs"])
    await expect(createSchedule(s.deps, everyMinute({ queue }))).rejects.toMatchObject(REFUSED);
  expect(await listSchedules(s.deps)).toEqual([]);
  await createSchedule(s.deps, everyMinute({ queue: "plain" }));
  const move = () => updateSchedule(s.deps, "every_minute", (seen) => ({ ...seen, queue: "nowhere" }));
  await expect(move()).rejects.toMatchObject(REFUSED);
});

it("refuses the slots of a schedule whose queue is gone, keeps them, and holds up no other schedule", async () => {
  const s = await setupSchedules();
  await declareQueue(s.db, "side", { types: ["plain"] });
  await createSchedule(s.deps, everyMinute({ queue: "side", catchUp: "all" }));
  await createSchedule(s.deps, everyMinute({ name: "other" }));
  expect(await deleteQueue(s.deps, "side")).toBe("deleted");

  s.moveTo(2);
  expect(await s.fire()).toMatchObject({ refused: 1, jobs: 2 });
  expect([await s.slots(), await s.slots("other")]).toEqual([[], [1, 2]]);
  await expect(triggerSchedule(s.deps, "every_minute")).rejects.toMatchObject({ code: "unknown_queue" });

  await declareQueue(s.db, "side", { types: ["plain"] });
  await s.fire();
  expect(await triggerSchedule(s.deps, "every_minute")).toMatchObject({ queue: "side" });
});

it("can be paused and not resumed while its queue is gone", async () => {
  const s = await setupSchedules();
  await declareQueue(s.db, "side", { types: ["plain"] });
  await createSchedule(s.deps, everyMinute({ queue: "side" }));
  await deleteQueue(s.deps, "side");
  const pause = (paused: boolean) => updateSchedule(s.deps, "every_minute", (seen) => ({ ...seen, paused }));
  expect(await pause(true)).toMatchObject({ paused: true });
  await expect(pause(false)).rejects.toMatchObject(REFUSED);
});

it("stops a deploy whose code declares a schedule for a queue that its type does not list, and changes nothing", async () => {
  const s = await setupSchedules();
  const schedules = [{ name: "nightly", cron: "0 3 * * *", queue: "side" }];
  const job = defineJob({ type: "plain", queue: "plain", payload: plain.payload, schedules });
  await expect(syncDefinitions(s.db, [job], [unlimited], s.at(0))).rejects.toMatchObject(REFUSED);
  expect(await listSchedules(s.deps)).toEqual([]);
  await syncDefinitions(s.db, [{ ...job, queues: ["side"] }], [unlimited], s.at(0));
  expect(await listSchedules(s.deps)).toMatchObject([{ name: "nightly", queue: "side" }]);
});
