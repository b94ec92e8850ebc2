import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineJob, ForgeqError, lambdaHandler, PermanentError, RetryAfter } from "../../lib/job.ts";
import { testJob } from "../../lib/testing.ts";

const resize = defineJob({
  type: "resize",
  payload: z.object({ width: z.number().default(100), at: z.coerce.date().optional() }),
  retry: { maxAttempts: 3, backoff: { type: "exponential", baseSeconds: 10, maxSeconds: 60, jitter: "full" } },
});

const onAbort = (signal: AbortSignal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));

describe("testJob", () => {
  it("gives the handler the payload parsed, as the queue does, and its result as it would be stored", async () => {
    const handler = lambdaHandler(resize, async ({ width, at }) =>
      Promise.resolve({ width, year: at?.getUTCFullYear(), made: at }),
    );
    const ended = await testJob(resize, handler)({ at: new Date("2026-01-05") });
    expect(ended).toEqual({
      outcome: "completed",
      result: { width: 100, year: 2026, made: "2026-01-05T00:00:00.000Z" },
      delaySeconds: null,
      error: null,
      logs: [],
      progress: [],
      enqueued: [],
    });
  });

  it.each([
    ["a payload", { width: "wide" as never }, {}, "invalid_payload"],
    ["an option", {}, { maxAttempts: 0 }, "invalid_job"],
    ["an attempt", {}, { attempt: 0 }, "invalid_job"],
  ])("refuses %s that is wrong, as enqueue does", async (_, payload, options, code) => {
    const run = testJob(resize, async () => Promise.resolve());
    await expect(run(payload, options)).rejects.toMatchObject({ code });
  });

  it("gives the longest delay of the type's policy to what throws, and buries the last attempt", async () => {
    const run = testJob(resize, () => Promise.reject(new TypeError("no")));
    expect(await run({})).toMatchObject({
      outcome: "retry",
      delaySeconds: 10,
      error: { name: "TypeError", message: "no" },
    });
    expect(await run({}, { attempt: 2 })).toMatchObject({ outcome: "retry", delaySeconds: 20 });
    expect(await run({}, { attempt: 3 })).toMatchObject({ outcome: "dead", delaySeconds: null });
    expect(await run({}, { attempt: 3, maxAttempts: 9 })).toMatchObject({ outcome: "retry", delaySeconds: 40 });
  });

  it("knows what a handler asks for: another delay, no further attempt, a snooze, a cancel", async () => {
    const ends = async (work: Parameters<typeof testJob<typeof resize.payload>>[1]) => testJob(resize, work)({});
    expect(await ends(() => Promise.reject(new RetryAfter(7)))).toMatchObject({ outcome: "retry", delaySeconds: 7 });
    expect(await ends(() => Promise.reject(new PermanentError("x")))).toMatchObject({
      outcome: "dead",
      error: { message: "x" },
    });
    expect(await ends(async (_, job) => job.snooze(5))).toMatchObject({
      outcome: "snoozed",
      delaySeconds: 5,
      error: null,
    });
    expect(await ends(async (_, job) => job.cancel("too late"))).toMatchObject({
      outcome: "cancelled",
      error: { name: "Cancelled", message: "too late" },
    });
  });

  it("cancels what runs when the signal aborts, and ends what runs too long", async () => {
    const run = testJob(resize, (_, job) => onAbort(job.signal));
    expect(await run({}, { cancel: AbortSignal.abort() })).toMatchObject({ outcome: "cancelled" });
    const controller = new AbortController();
    const cancelled = run({}, { cancel: controller.signal });
    await Promise.resolve();
    controller.abort();
    expect(await cancelled).toMatchObject({ outcome: "cancelled" });
    expect(await run({}, { timeoutSeconds: 0.001 })).toMatchObject({
      outcome: "retry",
      error: { message: "the job ran longer than 0.001 s" },
    });
  });

  it("gathers logs, progress and the jobs that the handler enqueues", async () => {
    const ended = await testJob(resize, async ({ width }, job) => {
      job.log.info("begun", { width });
      job.progress(0.5, "half");
      return job.enqueue(resize, { width: width / 2 }, { delaySeconds: 60 });
    })({ width: 8 });
    expect(ended.logs).toEqual([{ level: "info", message: "begun", fields: { width: 8 } }]);
    expect(ended.progress).toEqual([{ fraction: 0.5, note: "half" }]);
    expect(ended.enqueued).toEqual([
      { id: ended.result, type: "resize", payload: { width: 4 }, options: { delaySeconds: 60 } },
    ]);
  });

  it("refuses a job that the handler enqueues with a wrong payload, as the queue does", async () => {
    const ended = await testJob(resize, async (_, job) => job.enqueue(resize, { width: "wide" as never }))({});
    expect(ended).toMatchObject({ outcome: "retry", error: { name: ForgeqError.name }, enqueued: [] });
  });

  it("takes a job that was completed in a transaction for committed, unless the handler throws", async () => {
    const tx = { query: () => Promise.reject(new Error("not used")) };
    const run = testJob(resize, async ({ width }, job) => {
      await job.complete(tx, { width });
      if (width < 0) throw new Error("rolled back");
    });
    expect(await run({ width: 3 })).toMatchObject({ outcome: "completed", result: { width: 3 }, error: null });
    expect(await run({ width: -1 })).toMatchObject({ outcome: "retry", error: { message: "rolled back" } });
  });

  it("tells the handler of its attempt, its id and its metadata", async () => {
    const id = "01890a5d-ac96-774b-bcce-b302099a8057";
    const run = testJob(resize, async (_, job) =>
      Promise.resolve([job.id, job.attempt, job.maxAttempts, job.metadata]),
    );
    expect((await run({}, { id, attempt: 2, metadata: { tenant: "a" } })).result).toEqual([id, 2, 3, { tenant: "a" }]);
  });
});
