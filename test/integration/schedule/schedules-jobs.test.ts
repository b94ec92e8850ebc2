import { describe, expect, it } from "vitest";
import {
  createSchedule,
  getSchedule,
  triggerSchedule,
  updateSchedule,
} from "../../../lib/queue/schedule/manage-schedules.ts";
import { cancelJob } from "../../../lib/queue/manage/cancel-job.ts";
import { settle } from "../../../lib/db/protocol/settle.ts";
import { everyMinute, setupSchedules } from "../../support/schedule/schedules.ts";

describe("overlap", () => {
  it("allow enqueues whatever else lives", async () => {
    const { deps, moveTo, slots, fire } = await setupSchedules();
    await createSchedule(deps, everyMinute());
    moveTo(3);
    await fire();
    expect(await slots()).toEqual([1, 2, 3]);
  });

  it("skip leaves slots out while a job of it lives", async () => {
    const { deps, moveTo, slots, fire, queue } = await setupSchedules();
    await createSchedule(deps, everyMinute({ overlap: "skip" }));
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
    const { deps, moveTo, slots, fire, queue } = await setupSchedules();
    await createSchedule(deps, everyMinute({ overlap: "queue_one" }));
    moveTo(1);
    await fire();
    await queue.lease();
    moveTo(3);
    await fire();
    moveTo(4);
    await fire();
    expect(await slots()).toEqual([1, 2]);
  });

  it("queue_one starts the one that waits when the earlier one ends, however that is", async () => {
    const { deps, moveTo, slots, fire, queue, db } = await setupSchedules();
    await createSchedule(deps, everyMinute({ overlap: "queue_one" }));
    moveTo(1);
    await fire();
    const ends: ((held: Awaited<ReturnType<typeof queue.lease>>) => Promise<unknown>)[] = [
      (held) => queue.settle(held, "completed"),
      (held) =>
        settle(
          db,
          held,
          held.jobIds.map((id) => ({ id, outcome: "completed" as const })),
          moveTo(at),
          true,
        ),
      (held) => queue.settle(held, "dead"),
      async (held) => {
        for (const id of held.jobIds) await cancelJob(deps, id);
        return queue.settle(held, "retry");
      },
      async (held) => {
        await queue.settle(held, "retry");
        for (const id of held.jobIds) await cancelJob(deps, id);
      },
    ];
    let at = 1;
    for (const end of ends) {
      const held = await queue.lease();
      moveTo((at += 3));
      await fire();
      expect(await slots()).toHaveLength(2);
      expect((await queue.claim()).leases).toEqual([]);
      expect(await queue.settle(held, "snoozed", { delaySeconds: 0 })).toMatchObject({ outcome: "settled" });
      const again = await queue.lease();
      expect(again.jobIds).toEqual(held.jobIds);
      await end(again);
      expect(await slots()).toHaveLength(1);
    }
    expect((await queue.claim()).leases).toHaveLength(1);
  });

  it("queue_one says with the end of the earlier job that there is work now", async () => {
    const { deps, moveTo, fire, queue } = await setupSchedules();
    await createSchedule(deps, everyMinute({ overlap: "queue_one" }));
    moveTo(1);
    await fire();
    const held = await queue.lease();
    moveTo(2);
    await fire();
    expect(await queue.settle(held, "completed")).toMatchObject({ wakeSeconds: 0 });
  });

  it("queue_one starts the one that waits at the next slot, where nobody has seen the end of the earlier job", async () => {
    const { deps, moveTo, fire, queue, db } = await setupSchedules();
    await createSchedule(deps, everyMinute({ overlap: "queue_one" }));
    moveTo(1);
    await fire();
    const held = await queue.lease();
    moveTo(2);
    await fire();
    await db.query("delete from forgeq.job where id = any ($1)", [held.jobIds]);
    expect((await queue.claim()).leases).toEqual([]);
    moveTo(3);
    await fire();
    expect((await queue.claim()).leases).toMatchObject([{ jobs: 1 }]);
  });
});

describe("the jobs of a schedule", () => {
  const more = { maxAttempts: 7, uniqueKey: "nightly", metadata: { team: "a", schedule: "mine" } };

  it("have its attempts, its metadata and its unique key, and a slot makes none while one of them lives", async () => {
    const { deps, moveTo, fire, queue, db } = await setupSchedules();
    await createSchedule(deps, everyMinute(more));
    expect(await getSchedule(deps, "every_minute")).toMatchObject(more);
    for (const minute of [1, 2]) {
      moveTo(minute);
      await fire();
    }
    const jobs = () => db.query("select max_attempts, unique_key, metadata - 'slot_at' as metadata from forgeq.job");
    const job = { max_attempts: 7, unique_key: "nightly", metadata: { team: "a", schedule: "every_minute" } };
    expect(await jobs()).toEqual([job]);
    await queue.settle(await queue.lease(), "completed");
    expect(await triggerSchedule(deps, "every_minute")).toMatchObject({ uniqueKey: "nightly", maxAttempts: 7 });
    moveTo(3);
    await fire();
    expect(await jobs()).toEqual([job]);
  });

  it("are refused with the field that is wrong, and so is a schedule that has ended", async () => {
    const { deps, minute, moveTo } = await setupSchedules();
    const pointer = async (over: Parameters<typeof everyMinute>[0]) => {
      const thrown: unknown = await createSchedule(deps, everyMinute(over)).catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code: "invalid_schedule" });
      return (thrown as { details: { errors: { pointer: string }[] } }).details.errors[0]?.pointer;
    };
    expect(await pointer({ endsAt: minute(0) })).toBe("/ends_at");
    expect(await pointer({ uniqueKey: "a\u001b" })).toBe("/unique_key");
    expect(await pointer({ metadata: { text: "x".repeat(17_000) } })).toBe("/metadata");
    const made = await createSchedule(deps, everyMinute({ endsAt: minute(5) }));
    moveTo(10);
    // Ended: it can still be paused, and be given another end.
    expect(await updateSchedule(deps, made.name, (seen) => ({ ...seen, paused: true }))).toMatchObject({
      paused: true,
    });
    await expect(updateSchedule(deps, made.name, (seen) => ({ ...seen, endsAt: minute(6) }))).rejects.toMatchObject({
      details: { errors: [{ pointer: "/ends_at", message: "has passed" }] },
    });
    expect(await updateSchedule(deps, made.name, (seen) => ({ ...seen, endsAt: minute(20) }))).toMatchObject({
      endsAt: minute(20),
    });
  });
});
