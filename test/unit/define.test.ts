import { describe, expect, expectTypeOf, it } from "vitest";
import * as z from "zod";
import { defineJob, defineQueue } from "../../lib/core/define.ts";

const payload = z.object({ email: z.email() });

const defining = (input: object) => () => defineJob({ type: "send_email", payload, ...input });
const definingQueue = (input: object) => () => defineQueue({ name: "emails", ...input });

describe("defineJob", () => {
  it("fills in the defaults", () => {
    expect(defineJob({ type: "send_email", payload })).toEqual({
      type: "send_email",
      aliases: [],
      queue: "send_email",
      queues: [],
      payload,
      retry: {
        maxAttempts: 8,
        backoff: { type: "exponential", baseSeconds: 2, maxSeconds: 900, jitter: "full" },
      },
      timeoutSeconds: 60,
      leaseSeconds: 60,
      batchSize: 10,
      concurrency: 10,
      drain: false,
      priority: 5,
      schedules: [],
      search: [],
    });
  });

  it("keeps what is given", () => {
    const job = defineJob({
      type: "send_email",
      queue: "emails",
      queues: ["newsletter"],
      payload,
      retry: { maxAttempts: 3, backoff: { type: "list", delaysSeconds: [1, 5], jitter: "none" } },
      timeoutSeconds: 880,
      batchSize: 4,
      priority: 0,
    });
    expect(job).toMatchObject({
      queue: "emails",
      queues: ["newsletter"],
      retry: { maxAttempts: 3, backoff: { type: "list", delaysSeconds: [1, 5], jitter: "none" } },
      timeoutSeconds: 880,
      batchSize: 4,
      concurrency: 4,
      priority: 0,
    });
  });

  it("keeps the type of the payload", () => {
    const job = defineJob({ type: "send_email", payload });
    expect(job.type).toBe("send_email");
    expectTypeOf<z.infer<typeof job.payload>>().toEqualTypeOf<{ email: string }>();
  });

  it.each([
    [{ type: "Send Email" }, "type must match"],
    [{ type: "a".repeat(41) }, "type must match"],
    [{ queue: "9" }, "queue must match"],
    [{ queues: ["emails", "9"] }, "queues[1] must match"],
    [{ queues: "emails" }, "queues must be a list"],
    [{ payload: {} }, "payload must be a zod schema"],
    [{ timeoutSeconds: 881 }, "timeoutSeconds must be 1 to 880"],
    [{ timeoutSeconds: "60" }, "timeoutSeconds must be 1 to 880"],
    [{ leaseSeconds: 0 }, "leaseSeconds must be 1 to 900"],
    [{ batchSize: 101 }, "batchSize must be 1 to 100"],
    [{ batchSize: 1.5 }, "batchSize must be a whole number"],
    [{ batchSize: 2, concurrency: 3 }, "concurrency must be 1 to 2"],
    [{ priority: 10 }, "priority must be 0 to 9"],
    [{ retry: { maxAttempts: 1001 } }, "retry.maxAttempts must be 1 to 1000"],
    [{ retry: { backoff: { type: "fixed", seconds: -1 } } }, "retry.backoff.seconds must be 0 to 31536000"],
    [{ retry: { backoff: { type: "linear", baseSeconds: 1 } } }, "retry.backoff.maxSeconds must be"],
    [{ retry: { backoff: { type: "list", delaysSeconds: [] } } }, "must have at least one delay"],
    [{ retry: { backoff: { type: "list", delaysSeconds: [1, NaN] } } }, "retry.backoff.delaysSeconds[1] must be"],
    [{ retry: { backoff: { type: "cubic" } } }, "retry.backoff.type must be"],
    [
      { retry: { backoff: { type: "fixed", seconds: 1, jitter: "some" } } },
      'retry.backoff.jitter must be "full" or "none"',
    ],
    [{ timeoutSecond: 3 }, "timeoutSecond is not an option"],
    [{ retry: { attempts: 3 } }, "attempts is not an option"],
  ])("refuses %j", (input, message) => {
    expect(defining(input)).toThrow(
      expect.objectContaining({ code: "invalid_job", message: expect.stringContaining(message) as string }),
    );
  });
});

describe("defineQueue", () => {
  it("fills in the defaults", () => {
    expect(defineQueue({ name: "emails" })).toEqual({
      name: "emails",
      maxInFlight: 100,
      maxPending: null,
      retentionDays: 30,
      keepCompleted: true,
    });
  });

  it.each([
    [{ completed: 1 }, { retentionDays: 30, outcomeDays: { completed: 1 } }],
    [
      { completed: 1, dead: 90 },
      { retentionDays: 90, outcomeDays: { completed: 1, cancelled: 30 } },
    ],
    [{ completed: 7, dead: 7, cancelled: 7 }, { retentionDays: 7 }],
    [{}, { retentionDays: 30 }],
  ])("keeps finished jobs by their outcome: %j", (retentionDays, expected) => {
    const {
      name: _,
      maxInFlight: __,
      maxPending: ___,
      keepCompleted: ____,
      ...made
    } = defineQueue({
      name: "emails",
      retentionDays,
    });
    expect(made).toEqual(expected);
  });

  it.each([
    [{ completed: 0.5 }, "retentionDays.completed"],
    [{ dead: 0 }, "retentionDays.dead"],
    [{ finished: 3 }, "retentionDays.finished"],
    [null, "retentionDays"],
    ["7", "retentionDays"],
  ])("refuses the retention %j", (retentionDays, field) => {
    expect(() => defineQueue({ name: "emails", retentionDays: retentionDays as never })).toThrow(field);
  });

  it("takes null as no limit", () => {
    expect(defineQueue({ name: "emails", maxInFlight: null }).maxInFlight).toBeNull();
  });

  it.each([
    [{ name: "" }, "name must match"],
    [{ maxInFlight: 0 }, "maxInFlight must be 1 to"],
    [{ maxPending: 1.5 }, "maxPending must be a whole number"],
    [{ retentionDays: 0 }, "retentionDays must be 1 to 3650"],
    [{ limit: 3 }, "limit is not an option"],
  ])("refuses %j", (input, message) => {
    expect(definingQueue(input)).toThrow(message);
  });
});
