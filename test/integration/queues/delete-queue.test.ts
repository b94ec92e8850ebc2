import { describe, expect, it } from "vitest";
import { enqueueJobs, enqueueJobsIn } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { cancelJob } from "../../../lib/queue/manage/cancel-job.ts";
import { deleteQueue as takeAway, declareQueue } from "../../../lib/db/reads/queues.ts";
import { deleteQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { retryJob } from "../../../lib/queue/manage/retry-job.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { openWith } from "../../support/database/drivers.ts";
import { plain, setup, unlimited } from "../../support/queue.ts";

const JOB = { type: "plain", payload: { n: 1 }, queue: "side" };

const setupSide = async () => {
  const s = await setup();
  await declareQueue(s.db, "side", { types: ["plain"] });
  const names = async () =>
    (await s.db.query<{ name: string }>("select name from forgeq.queue order by name")).map(({ name }) => name);
  return { ...s, names };
};

describe("a queue is deleted", () => {
  it("when it has no live job, and its finished jobs stay", async () => {
    const s = await setupSide();
    const [made] = await enqueueJobs(s.deps, [JOB]);
    await expect(deleteQueue(s.deps, "side")).rejects.toMatchObject({ code: "queue_not_empty" });
    await cancelJob(s.deps, made!.job.id);
    expect(await deleteQueue(s.deps, "side")).toBe("deleted");
    expect(await s.names()).toEqual(["plain"]);
    expect(await s.queue.get(made!.job.id)).toMatchObject({ state: "cancelled", queue: "side" });
    expect(await deleteQueue(s.deps, "side")).toBe("not_found");
  });

  it("when the code has dropped it, and not before", async () => {
    const s = await setup({ jobs: [{ ...plain, queues: ["side"] }] });
    await expect(deleteQueue(s.deps, "side")).rejects.toMatchObject({ code: "queue_declared" });
    await syncDefinitions(s.db, [plain], [unlimited]);
    expect(await deleteQueue(s.deps, "side")).toBe("deleted");
  });

  it("while its jobs run: not before they have ended", async () => {
    const s = await setupSide();
    await enqueueJobs(s.deps, [JOB]);
    const { leases } = await s.queue.claim(1, "side");
    const held = await s.queue.begin(leases[0]!.id);
    expect(await takeAway(s.db, "side")).toBe("queue_not_empty");
    if (held !== "lease_lost") await s.queue.settle(held, "completed");
    expect(await takeAway(s.db, "side")).toBe("deleted");
  });

  it("by a call that is sent again after its answer was lost", async () => {
    const s = await setupSide();
    let lost = 0;
    const query: typeof s.db.query = async (text, params) => {
      const rows = await s.db.query<never>(text, params);
      if (!text.includes("forgeq:delete_queue") || (lost += 1) > 1) return rows;
      throw Object.assign(new Error("Connection terminated unexpectedly"), { code: "ECONNRESET" });
    };
    expect(await takeAway({ ...s.db, query }, "side")).toBe("deleted");
    expect(lost).toBe(2);
  });
});

describe("no job is stored in a queue that is gone", () => {
  it.each(["side", "plain"])("by a transaction that has stored one and not committed: %s", async (queue) => {
    const s = await setupSide();
    // A type's own queue, of a type that the code has dropped.
    await s.db.query("update forgeq.queue set declared = false");
    await s.db.transaction(async (tx) => {
      await enqueueJobsIn(tx, [{ ...JOB, queue }], s.at(0));
      expect(await takeAway(s.db, queue)).toBe("busy");
    });
    expect(await takeAway(s.db, queue)).toBe("queue_not_empty");
  });

  it("by callers that race with the deletion", async () => {
    const s = await setupSide();
    const other = await openWith("pg", s.url);
    for (let round = 0; round < 15; round += 1) {
      await declareQueue(s.db, "side", { types: ["plain"] });
      const results = await Promise.all([
        ...Array.from({ length: 6 }, () =>
          enqueueJobs(s.deps, [{ ...JOB, uniqueKey: String(Math.random()) }]).catch((error: unknown) => error),
        ),
        deleteQueue({ ...s.deps, db: other }, "side").catch((error: unknown) => error),
      ]);
      const errors = results
        .filter((result) => result instanceof Error)
        .map((error) => (error as { code?: unknown }).code);
      expect(errors.filter((code) => !["unknown_queue", "queue_not_empty", "busy"].includes(String(code)))).toEqual([]);
      const [row] = await s.db.query<{ stranded: number }>(
        "select count(*)::int as stranded from forgeq.job j where not exists (select from forgeq.queue q where q.name = j.queue)",
      );
      expect(row).toEqual({ stranded: 0 });
      await s.db.query("delete from forgeq.job; delete from forgeq.unique_key");
    }
  });

  it("by a retry by hand, which says so", async () => {
    const s = await setupSide();
    const [made] = await enqueueJobs(s.deps, [JOB]);
    await cancelJob(s.deps, made!.job.id);
    await deleteQueue(s.deps, "side");
    await expect(retryJob(s.deps, made!.job.id)).rejects.toMatchObject({
      code: "unknown_queue",
      message: expect.stringContaining("side is gone") as string,
    });
    expect(await s.queue.state(made!.job.id)).toBe("cancelled");
    await declareQueue(s.db, "side", { types: [] });
    expect(await retryJob(s.deps, made!.job.id)).toMatchObject({ state: "pending", life: 2 });
  });

  it("by a retry that has not committed", async () => {
    const s = await setupSide();
    const [made] = await enqueueJobs(s.deps, [JOB]);
    await cancelJob(s.deps, made!.job.id);
    await s.db.transaction(async (tx) => {
      await tx.query("select forgeq.retry($1::uuid, 1)", [made!.job.id]);
      expect(await takeAway(s.db, "side")).toBe("busy");
    });
    expect(await takeAway(s.db, "side")).toBe("queue_not_empty");
  });
});

it("holds up nobody for long who stores jobs meanwhile", async () => {
  const s = await setupSide();
  const other = await openWith("pg", s.url);
  await s.db.transaction(async (tx) => {
    await enqueueJobsIn(tx, [{ type: "plain", payload: {} }], s.at(0));
    const deletion = takeAway(other, "side");
    const startedMs = performance.now();
    await enqueueJobs(s.deps, [{ type: "plain", payload: {} }]);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(await deletion).toBe("busy");
  });
});
