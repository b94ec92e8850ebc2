import { describe, expect, it } from "vitest";
import { setupApi } from "../support/http/api.ts";

const QUEUE = {
  ...{
    name: "emails",
    declared: true,
    types: [],
    maxInFlight: 20,
    maxPending: null,
    retentionDays: 30,
    paused: true,
    inFlight: 3,
  },
  ...{ pausedAt: new Date("2030-01-01T00:00:00Z"), pauseReason: "the mail server is down", pausedUntil: null },
  ...{ overridden: ["max_in_flight"], codeLimits: { max_in_flight: 5, max_pending: null, retention_days: 30 } },
  ...{ scheduled: 1, pending: 2, leased: 1, running: 2, capped: false, oldestPendingSeconds: 12.5 },
  perMinute: { enqueued: 60, completed: 30, failed: 2, dead: 0 },
};

const DEAD = () => [
  { queue: "emails", dead: 4, complete: true },
  { queue: null, dead: null, complete: true },
];
const none = () => [];

describe("/queues", () => {
  const wire = {
    name: "emails",
    paused: true,
    pause: { since: "2030-01-01T00:00:00.000Z", reason: "the mail server is down", until: null },
    overridden: ["max_in_flight"],
    code: { max_in_flight: 5, max_pending: null, retention_days: 30 },
    declared: true,
    types: [],
    max_in_flight: 20,
    max_pending: null,
    retention_days: 30,
    in_flight: 3,
    jobs: { scheduled: 1, pending: 2, leased: 1, running: 2, dead: 4 },
    capped: false,
    oldest_pending_age_seconds: 12.5,
    per_minute: { enqueued: 60, completed: 30, failed: 2, dead: 0 },
  };

  it("lists and shows queues", async () => {
    const { get } = setupApi({ queue_dead: DEAD, queue_numbers: () => [QUEUE], queue_page: () => [QUEUE] });
    expect((await get("/queues")).body).toEqual({ data: [wire], next_cursor: null });
    expect((await get("/queues/emails")).body).toEqual(wire);
  });

  it("pauses and resumes", async () => {
    const { post, query } = setupApi({
      set_paused: () => [{ name: "emails" }],
      queue_dead: DEAD,
      queue_numbers: () => [QUEUE],
    });
    expect(await post("/queues/emails/pause")).toMatchObject({ status: 200, body: wire });
    expect(await post("/queues/emails/pause", { reason: "broken", until: "2999-01-01T00:00:00Z" })).toMatchObject({
      status: 422,
      body: { code: "invalid_queue", errors: [{ pointer: "/until" }] },
    });
    for (const body of [{ reason: 7 }, { reason: "" }, { reason: "x".repeat(501) }, { until: "soon" }, { why: "x" }])
      expect(await post("/queues/emails/pause", body)).toMatchObject({ status: 422, body: { code: "invalid_queue" } });
    expect(await post("/queues/emails/resume")).toMatchObject({ status: 200, body: wire });
    expect(query.mock.calls.filter(([text]) => text.includes("set_paused")).map(([, params]) => params)).toEqual([
      ["emails", true, null, null, null],
      ["emails", false, null, null, null],
    ]);
  });

  it("answers 404 for a queue that is not there, and for what is no name", async () => {
    const { get, post } = setupApi({ set_paused: none, queue_dead: none, queue_numbers: none });
    expect(await get("/queues/none")).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(await post("/queues/none/pause")).toHaveProperty("status", 404);
    expect(await setupApi().get("/queues/No%00")).toHaveProperty("status", 404);
  });
});
