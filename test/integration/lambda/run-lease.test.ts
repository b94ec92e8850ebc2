import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { miscounted, plain, setup, strays, unlimited } from "../../support/queue.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { abortOf, run } from "../../support/lambda/run.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe("jobs of jobs", () => {
  it("enqueues one level deeper, wakes, and dies at the cap", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue(1, { depth: 63 });
    let child = "";
    await run(s, async (_, job) => {
      child = await job.enqueue(plain, { n: 1 });
      return child;
    });
    expect(await s.queue.get(id!)).toMatchObject({ state: "completed", result: child });
    expect(s.invocations.map((each) => each.functionName)).toContain("forgeq-test-dispatcher");
    const [row] = await s.db.query<{ depth: number }>("select depth from forgeq.job where id = $1", [child]);
    expect(row).toEqual({ depth: 64 });

    await run(s, (_, job) => job.enqueue(plain, { n: 2 }));
    expect(await s.queue.get(child)).toMatchObject({ state: "dead", error: { name: "ForgeqError" } });
    expect(await s.db.query("select from forgeq.job")).toHaveLength(0);
  });
});

describe("time", () => {
  it("times a job out, counted, while the others go on", async () => {
    const s = await setup({ database });
    const ids = await s.queue.enqueue(2);

    const report = await run(
      s,
      async (_, job) => {
        if (job.id === ids[1]) return "done";
        throw new Error(`stopped: ${await abortOf(job.signal)}`);
      },
      { definition: { timeoutSeconds: 0.05 } },
    );

    expect(report.settled).toEqual({ scheduled: 1, completed: 1 });
    expect((await s.queue.get(ids[0]!)).attempts).toMatchObject([
      { number: 1, outcome: "timed_out", error: { message: "stopped: timed_out" } },
    ]);
  });

  it("gives up on a handler that ignores its signal", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    await run(s, () => new Promise(() => undefined), { definition: { timeoutSeconds: 0.01 } });
    expect((await s.queue.get(id!)).attempts).toMatchObject([{ outcome: "timed_out", error: { name: "JobAborted" } }]);
  });

  it("settles what it started as timed out before its own time is up, and releases the rest uncounted", async () => {
    const s = await setup({ database });
    const ids = await s.queue.enqueue(3);

    const report = await run(s, async (_, job) => Promise.reject(new Error(await abortOf(job.signal))), {
      definition: { concurrency: 1 },
      remainingMs: () => 2_300,
    });

    expect(report.settled).toEqual({ scheduled: 1, pending: 2 });
    expect(await s.queue.get(ids[0]!)).toMatchObject({ attempt: 1, attempts: [{ outcome: "timed_out" }] });
    for (const id of ids.slice(1))
      expect(await s.queue.get(id)).toMatchObject({
        attempt: 0,
        state: "pending",
        attempts: [{ outcome: "released" }],
      });
    expect(await miscounted(s.db)).toBe(0);
  });

  it("runs without a deadline where the invocation has none", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    // A timer for longer than 2^31 ms would fire immediately.
    await run(s, async (_, job) => new Promise((resolve) => setTimeout(() => resolve(job.signal.aborted), 20)), {
      remainingMs: () => Infinity,
    });
    expect(await s.queue.get(id!)).toMatchObject({ state: "completed", result: false });
  });
});

describe("freed slots", () => {
  it("wakes the dispatcher when begin drops a job of a full queue that was cancelled", async () => {
    const s = await setup({ database, queues: [defineQueue({ name: "plain", maxInFlight: 2 })] });
    const ids = await s.queue.enqueue(3);
    const { leases } = await s.queue.claim();
    await s.db.query("select forgeq.cancel($1, $2)", [ids[0], s.at(0)]);

    await run(
      s,
      () => {
        // Before the work ends: the cancelled job's slot is free now.
        expect(s.invocations).toEqual([{ functionName: "forgeq-test-dispatcher", event: { queue: "plain" } }]);
        return Promise.resolve();
      },
      { leaseId: leases[0]!.id },
    );

    expect(await s.queue.state(ids[0]!)).toBe("cancelled");
    expect(await s.queue.state(ids[1]!)).toBe("completed");
  });
});

describe("logs", () => {
  it("carry the job's id, type, queue and attempt, and never its payload, result or error", async () => {
    const logger = recordingLogger();
    const s = await setup({ database, logger, queues: [unlimited] });
    const ids = await s.queue.enqueue(3, { payload: { secret: "payload-secret" } });

    await run(s, (_, job) => {
      job.log.info("working", { step: 1 });
      if (job.id === ids[0]) return Promise.resolve({ secret: "result-secret" });
      if (job.id === ids[1]) return Promise.resolve({ [`result-secret`]: "\0" });
      return Promise.reject(new Error("error-secret"));
    });

    const working = logger.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(working.find((entry) => entry["job"] === ids[0])).toMatchObject({
      level: "info", message: "working", type: "plain", queue: "plain", attempt: 1, step: 1,
    }); // prettier-ignore
    for (const secret of ["payload-secret", "result-secret", "error-secret"])
      expect(logger.lines.join("\n")).not.toContain(secret);
    expect(await strays(s.db)).toBe(0);
  });
});
