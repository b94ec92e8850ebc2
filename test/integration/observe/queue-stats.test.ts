import { describe, expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { revive } from "../../../lib/db/reads/jobs.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { readQueuePage, readQueueStats } from "../../../lib/db/reads/stats.ts";
import { metered } from "../../support/database/metered.ts";
import { plain, setup, unlimited } from "../../support/queue.ts";

const other = defineQueue({ name: "other", maxInFlight: 7, maxPending: 5, retentionDays: 3 });

describe("the numbers of a queue", () => {
  it("count the jobs of every state", async () => {
    const { db, queue, at, moveTo } = await setup({ queues: [unlimited, other] });
    await queue.enqueue(2, { delaySeconds: 3600, priority: 2 });
    await queue.enqueue(3, { priority: 0 });
    const running = await queue.lease(3);
    await queue.enqueue(4, { priority: 0 });
    await queue.claim(4);
    moveTo(5);
    await queue.enqueue(1, { priority: 9 });
    await queue.enqueue(1, { priority: 3 });
    moveTo(65);
    await queue.settle({ ...running, jobIds: running.jobIds.slice(0, 1) }, "dead");

    expect(await readQueueStats(db, ["plain"], at(65))).toEqual([
      {
        ...{
          name: "plain",
          paused: false,
          declared: true,
          types: [],
          maxInFlight: null,
          maxPending: null,
          retentionDays: 30,
          pause: null,
          overridden: [],
          codeLimits: { max_in_flight: null, max_pending: null, retention_days: 30 },
        },
        ...{
          scheduled: 2,
          pending: 2,
          leased: 4,
          running: 2,
          dead: 1,
          capped: false,
          inFlight: 6,
          oldestPendingSeconds: 60,
          perMinute: null,
        },
      },
    ]);
    expect(await readQueuePage(db, "", 100, at(65))).toMatchObject([
      { name: "other", maxInFlight: 7, maxPending: 5, retentionDays: 3, pending: 0, oldestPendingSeconds: null },
      { name: "plain", pending: 2 },
    ]);
    expect(await readQueueStats(db, ["none"], at(65))).toEqual([]);
  });

  it("leave out a dead job that lives again, or ended otherwise since", async () => {
    const { db, queue, at } = await setup();
    const ids = await queue.enqueue(3);
    await queue.settle(await queue.lease(), "dead");
    expect((await readQueueStats(db, ["plain"], at(1)))[0]).toMatchObject({ dead: 3 });
    await revive(db, ids[0]!, 1, at(0));
    expect((await readQueueStats(db, ["plain"], at(1)))[0]).toMatchObject({ dead: 2, pending: 1 });
    await queue.settle(await queue.lease(), "completed");
    expect((await readQueueStats(db, ["plain"], at(1)))[0]).toMatchObject({ dead: 2, pending: 0 });
  });

  it("count no further than some thousand jobs, and take a larger backlog from the counters, for few buffers", async () => {
    const { db, queue, at } = await setup({ jobs: [plain] });
    for (let n = 0; n < 12; n += 1) await queue.enqueue(1_000);
    await queue.enqueue(7, { delaySeconds: 60 });
    await queue.claim(3);
    await db.query("vacuum analyze forgeq.job");
    expect((await readQueueStats(db, ["plain"], at(1)))[0]).toMatchObject({
      pending: 11_997,
      scheduled: 7,
      leased: 3,
      capped: false,
    });

    const cost = await metered(db).costOf((counted) => readQueueStats(counted, ["plain"], at(1)));
    expect(cost.buffers).toBeLessThan(600);
  });

  it("show rates of the last five minutes between ticks", async () => {
    const { db, queue, at, moveTo } = await setup();
    expect((await readQueueStats(db, ["plain"], at(0)))[0]).toMatchObject({ perMinute: null });
    await foldCounters(db, at(0));
    await queue.enqueue(100);
    await queue.settle(await queue.lease(40), "completed");
    await queue.settle(await queue.lease(10), "dead");
    moveTo(120);
    await foldCounters(db, at(120));
    expect((await readQueueStats(db, ["plain"], at(150)))[0]).toMatchObject({
      perMinute: { enqueued: 50, completed: 5, failed: 5, dead: 5 },
    });
    expect((await readQueueStats(db, ["plain"], at(600)))[0]).toMatchObject({ perMinute: null });
  });

  it("show the rates of a queue that did not change at some ticks, of which no sample is written", async () => {
    const { db, queue, at, moveTo } = await setup();
    const fold = async (seconds: number) => {
      moveTo(seconds);
      await foldCounters(db, at(seconds));
      return (await readQueueStats(db, ["plain"], at(seconds + 10)))[0]?.perMinute?.enqueued ?? null;
    };
    const samples = async () =>
      (await db.query<{ at: Date }>("select at from forgeq.metric_sample order by at")).map((row) => row.at);
    expect(await fold(0)).toBeNull();
    await queue.enqueue(100);
    expect(await fold(60)).toBe(100);
    for (const seconds of [120, 180, 240]) await fold(seconds);
    expect(await fold(300)).toBe(20);
    expect(await fold(360)).toBe(0);
    expect(await samples()).toEqual([at(0), at(60)]);
    expect(await fold(7_200)).toBe(0);
    await queue.enqueue(10);
    expect(await fold(7_260)).toBe(2);
    expect(await samples()).toEqual([at(60), at(7_260)]);
  });
});
