import { describe, expect, it } from "vitest";
import { defineQueue } from "../../lib/core/define.ts";
import { revive } from "../../lib/db/jobs.ts";
import { readQueueStats } from "../../lib/db/stats.ts";
import { plain, setup, unlimited } from "../support/queue.ts";

const other = defineQueue({ name: "other", maxInFlight: 7, maxPending: 5, retentionDays: 3 });

describe("the numbers of a queue", () => {
  it("count the jobs of every state", async () => {
    const { db, queue, at, moveTo } = await setup({ queues: [unlimited, other] });
    await queue.enqueue(2, { delay_seconds: 3600, priority: 2 });
    await queue.enqueue(3, { priority: 0 });
    const running = await queue.lease(3);
    await queue.enqueue(4, { priority: 0 });
    await queue.claim(4);
    moveTo(5);
    await queue.enqueue(1, { priority: 9 });
    await queue.enqueue(1, { priority: 3 });
    moveTo(65);
    await queue.settle({ ...running, jobIds: running.jobIds.slice(0, 1) }, "dead");

    expect(await readQueueStats(db, "plain", at(65))).toEqual([
      {
        ...{ name: "plain", paused: false, maxInFlight: null, maxPending: null, retentionDays: 30 },
        ...{
          scheduled: 2,
          pending: 2,
          leased: 4,
          running: 2,
          dead: 1,
          capped: false,
          inFlight: 6,
          oldestPendingSeconds: 60,
        },
      },
    ]);
    expect(await readQueueStats(db, null, at(65))).toMatchObject([
      { name: "other", maxInFlight: 7, maxPending: 5, retentionDays: 3, pending: 0, oldestPendingSeconds: null },
      { name: "plain", pending: 2 },
    ]);
    expect(await readQueueStats(db, "none", at(65))).toEqual([]);
  });

  it("leave out a dead job that lives again, or ended otherwise since", async () => {
    const { db, queue, at } = await setup();
    const ids = await queue.enqueue(3);
    await queue.settle(await queue.lease(), "dead");
    expect((await readQueueStats(db, "plain", at(1)))[0]).toMatchObject({ dead: 3 });
    await revive(db, ids[0]!, 1, at(0));
    expect((await readQueueStats(db, "plain", at(1)))[0]).toMatchObject({ dead: 2, pending: 1 });
    await queue.settle(await queue.lease(), "completed");
    expect((await readQueueStats(db, "plain", at(1)))[0]).toMatchObject({ dead: 2, pending: 0 });
  });

  it("stop counting at a cap and say so, so that a huge backlog costs few buffers", async () => {
    const { db } = await setup({ jobs: [plain] });
    await db.query(`insert into forgeq.job (id, run_at, created_at, priority, max_attempts, queue, type, payload)
      select forgeq.uuid_v7(), now() - interval '1 hour' + n * interval '1 ms', now(), 5, 8, 'plain', 'plain', '{}' from generate_series(1, 60000) n`);
    await db.query("vacuum analyze forgeq.job");
    const [stats] = await readQueueStats(db, "plain", null);
    expect(stats).toMatchObject({ pending: 10_000, capped: true });

    const rows = await db.query<{ "QUERY PLAN": [{ Plan: Record<string, number> }] }>(
      "explain (analyze, buffers, format json) select * from forgeq.queue_stats('plain', 1000)",
    );
    const plan = rows[0]!["QUERY PLAN"][0].Plan;
    expect(plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!).toBeLessThan(400);
  });
});
