import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";
import { PermanentError, RetryAfter } from "../../../lib/core/errors.ts";
import { cancel } from "../../../lib/db/reads/jobs.ts";
import { runLease } from "../../../lib/queue/lambda/run-lease.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { plain, setup } from "../../support/queue.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { run } from "../../support/lambda/run.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe("how an attempt ends", () => {
  it("completes with the handler's result", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue(1, { payload: { n: 7 } });

    const report = await run(s, async ({ n }, job) => Promise.resolve({ n, attempt: job.attempt, id: job.id }));

    expect(report).toEqual({ outcome: "ran", jobs: 1, settled: { completed: 1 } });
    expect(await s.queue.get(id!)).toMatchObject({ state: "completed", result: { n: 7, attempt: 1, id }, error: null });
  });

  it("retries by the policy until max_attempts, and keeps every attempt's error", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue(1, { maxAttempts: 3 });
    for (const attempt of [1, 2, 3]) {
      s.moveTo((attempt - 1) * 10);
      await run(s, async () => Promise.reject(new TypeError(`no ${attempt}`)));
      if (attempt < 3) expect(await s.queue.get(id!)).toMatchObject({ state: "scheduled", runAt: s.at(attempt * 10) });
    }

    const job = await s.queue.get(id!);
    expect(job).toMatchObject({ state: "dead", attempt: 3, error: { name: "TypeError", message: "no 3" } });
    expect(job.attempts?.map(({ number, outcome, error }) => [number, outcome, error?.message])).toEqual([
      [1, "retry", "no 1"],
      [2, "retry", "no 2"],
      [3, "dead", "no 3"],
    ]);
  });

  it("waits exponentially longer by the default policy, with the jitter's share", async () => {
    const policy = defineJob({
      type: "plain",
      payload: plain.payload,
      retry: { maxAttempts: 4, backoff: { type: "exponential", baseSeconds: 2, maxSeconds: 5, jitter: "none" } },
    });
    const s = await setup({ database, jobs: [policy] });
    const [id] = await s.queue.enqueue();
    const delays: number[] = [];
    for (let now = 0; (await s.queue.state(id!)) !== "dead";) {
      await run(s, () => Promise.reject(new Error("no")));
      const { state, runAt } = await s.queue.get(id!);
      if (state === "dead") break;
      delays.push((runAt.getTime() - s.at(now).getTime()) / 1000);
      s.moveTo((now += delays.at(-1)!));
    }
    expect(delays).toEqual([2, 4, 5]);
  });

  it("buries immediately on PermanentError, and waits as long as RetryAfter says", async () => {
    const s = await setup({ database });
    const [dead, later] = await s.queue.enqueue(2);

    await run(s, (_, job) => Promise.reject(job.id === dead ? new PermanentError("never") : new RetryAfter(77)));

    expect(await s.queue.get(dead!)).toMatchObject({ state: "dead", attempt: 1, error: { name: "PermanentError" } });
    expect(await s.queue.get(later!)).toMatchObject({ state: "scheduled", attempt: 1, runAt: s.at(77) });
  });

  it("snoozes uncounted", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();

    await run(s, async (_, job) => Promise.resolve(job.snooze(30)));

    const job = await s.queue.get(id!);
    expect(job).toMatchObject({ state: "scheduled", attempt: 0, runAt: s.at(30) });
    expect(job.attempts).toMatchObject([{ number: 1, outcome: "snoozed" }]);
  });

  it.each([
    ["NaN", Number.NaN],
    ["a negative delay", -1],
    ["two years", 63_072_000],
  ])("refuses to snooze for %s, and retries", async (_, seconds) => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    await run(s, async (_payload, job) => Promise.resolve(job.snooze(seconds)));
    expect(await s.queue.get(id!)).toMatchObject({ state: "scheduled", attempt: 1, error: { name: "ForgeqError" } });
  });

  it("falls back to the policy when RetryAfter is given no number", async () => {
    const s = await setup({ database });
    const ids = await s.queue.enqueue(3);
    const given: unknown[] = [Number.NaN, "soon", 10n];
    await run(s, (_, job) => Promise.reject(new RetryAfter(given[ids.indexOf(job.id)] as number)));
    for (const id of ids) expect(await s.queue.get(id)).toMatchObject({ state: "scheduled", runAt: s.at(10) });
  });

  it.each([
    ["PermanentError", () => new PermanentError("aborted")],
    ["RetryAfter", () => new RetryAfter(5)],
    ["the reason of its signal", (reason: unknown) => reason],
  ])("ends cancelled when its handler throws %s after a cancel", async (_, thrown) => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue(1);
    await run(s, async (_payload, job) => {
      expect(await cancel(s.db, job.id, s.at(0))).toMatchObject({ outcome: "requested" });
      throw thrown(job.signal.reason) as Error;
    });
    expect(await s.queue.get(id!)).toMatchObject({ state: "cancelled", attempts: [{ outcome: "cancelled" }] });
  });

  it("ends cancelled when its handler says that its work is pointless, counted, with the reason", async () => {
    const s = await setup({ database });
    const [plainly, because, caught] = await s.queue.enqueue(3);
    await run(s, async (_, job) => {
      if (job.id === plainly) job.cancel();
      if (job.id === because) job.cancel("the order is gone");
      await Promise.resolve();
      // What isn't let out has no effect.
      expect(() => job.cancel("no")).toThrow("no");
      return 1;
    });
    expect(await s.queue.get(plainly!)).toMatchObject({ state: "cancelled", attempt: 1, error: { name: "Cancelled" } });
    const job = await s.queue.get(because!);
    expect(job).toMatchObject({ state: "cancelled", result: null, error: { message: "the order is gone" } });
    expect(job.attempts).toMatchObject([{ outcome: "cancelled", number: 1, beganAt: s.at(0) }]);
    expect(await s.queue.state(caught!)).toBe("completed");
    expect(s.metrics.counts.get("JobsCancelled")).toBe(2);
  });

  it("completes with null and a warning when the result is too large, circular or a BigInt", async () => {
    const logger = recordingLogger();
    const s = await setup({ database, logger });
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    const results: unknown[] = ["x".repeat(300_000), circular, { big: 1n }, "a\0b", undefined];
    const ids = await s.queue.enqueue(results.length);

    await run(s, (_, job) => Promise.resolve(results[ids.indexOf(job.id)]));

    for (const id of ids) expect(await s.queue.get(id)).toMatchObject({ state: "completed", result: null });
    expect(logger.lines.filter((line) => line.includes("the result was not kept"))).toHaveLength(4);
  });

  it.each([
    ["an object without a prototype", Object.create(null)],
    ["an object whose toString throws", { toString: () => { throw new Error("no"); } }], // prettier-ignore
    ["an error whose message throws", Object.defineProperty(new Error(), "message", { get: () => { throw new Error("no"); } })], // prettier-ignore
    ["a symbol", Symbol("no")],
    ["undefined", undefined],
    ["an error with a NUL and half a surrogate pair", new Error("a\0b \ud800")],
  ])("retries when a handler throws %s", async (_, thrown) => {
    const s = await setup({ database });
    const ids = await s.queue.enqueue(2);

    await run(s, (_payload, job) => (job.id === ids[0] ? Promise.reject(thrown as Error) : Promise.resolve(1)));

    expect(await s.queue.get(ids[0]!)).toMatchObject({ state: "scheduled", attempt: 1 });
    expect(await s.queue.state(ids[1]!)).toBe("completed");
  });

  it("buries a payload that no longer fits, with the schema's error, and runs the others", async () => {
    const s = await setup({ database });
    const [bad, good] = await s.queue.enqueue(2);
    const ran: string[] = [];
    const strict = z.object({ n: z.number().max(0, "is too large").default(0) }).loose();
    await s.db.query("update forgeq.job set payload = '{\"n\": 9}' where id = $1", [bad]);
    await s.db.query("update forgeq.job set payload = '{\"n\": 0}' where id = $1", [good]);

    await run(s, (_, job) => Promise.resolve(ran.push(job.id)), { definition: { payload: strict } });

    expect(ran).toEqual([good]);
    const job = await s.queue.get(bad!);
    expect(job).toMatchObject({
      state: "dead",
      attempt: 1,
      error: { name: "InvalidPayload", message: "/n: is too large" },
    });
  });

  it("retries, with the rest of the batch unharmed, when the schema itself throws", async () => {
    const s = await setup({ database });
    const ids = await s.queue.enqueue(2);
    const throwing = z.object({ n: z.number() }).transform((payload) => {
      if (payload.n === 0) throw new Error("a bug in the schema");
      return payload;
    });

    await runLease(s.deps, { ...plain, payload: throwing }, () => Promise.resolve(), {
      leaseId: (await s.queue.claim()).leases[0]!.id,
      invocation: null,
      remainingMs: () => 60_000,
    });

    expect(await s.queue.get(ids[0]!)).toMatchObject({ state: "scheduled", error: { message: "a bug in the schema" } });
    expect(await s.queue.state(ids[1]!)).toBe("completed");
  });

  it("keeps no result that Postgres refuses, and settles the rest of the batch as it is", async () => {
    const s = await setup({ database });
    const ids = await s.queue.enqueue(3);
    // A number that JSON has and Postgres' numeric has not the digits for.
    await s.db.query(`create function refuse() returns trigger language plpgsql as $$ begin
      if new.result = '13' then raise exception 'no' using errcode = '22003'; end if; return new; end $$`);
    await s.db.query(
      "create trigger refuse before insert on forgeq.job_history for each row execute function refuse()",
    );

    await run(s, (_, job) => Promise.resolve(job.id === ids[1] ? 13 : 1));
    await s.db.query("drop function refuse cascade");

    expect(await s.queue.state(ids[0]!)).toBe("completed");
    expect(await s.queue.get(ids[1]!)).toMatchObject({ state: "completed", attempt: 1, result: null });
    expect(await s.queue.state(ids[2]!)).toBe("completed");
  });
});
