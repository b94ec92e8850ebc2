import { describe, expect, it } from "vitest";
import { createHandler } from "../../functions/api.ts";
import { renderHistogram, renderSamples } from "../../lib/core/prometheus.ts";
import { answering, httpDeps } from "../support/http/http-deps.ts";
import { ALL_SCOPES, CONTEXT, eventOf, keysWith } from "../support/http/http.ts";

const QUEUE = {
  ...{ name: "emails", maxInFlight: 20, maxPending: null, retentionDays: 30, paused: true, inFlight: 3 },
  ...{
    scheduled: 1,
    pending: 2,
    leased: 1,
    running: 2,
    capped: false,
    oldestPendingSeconds: 12.5,
    perMinute: null,
  },
};
const row = (name: string, value: number) => ({ queue: "emails", type: "send_email", name, value });

const setup = (keys = ALL_SCOPES) => {
  const answers = {
    metrics: () => [
      ...[row("enqueued", 9), row("ended_retry", 2), row("finished_completed", 5), row("started", 7)],
      ...[row("wait_0", 6), row("wait_15", 1), row("wait_ms", 4_000_123), row("run_3", 7), row("run_ms", 210)],
    ],
    busiest_queues: () => [{ names: ["emails"], leftOut: 7 }],
    queue_numbers: () => [QUEUE],
    queue_dead: () => [{ queue: "emails", dead: 4, complete: true }],
    unserved_types: () => [{ queue: "emails", type: "send_email", seconds: 700 }],
    blocked_types: () => [{ type: "send_email", seconds: 61.5, reason: "InvokeRefused: HTTP 404" }],
    last_tick: () => [{ seconds: 1_800_000_000.5, parts: { purge: 1_799_999_000 } }],
  };
  const { db, query } = answering(answers);
  let nowMs = 0;
  const deps = httpDeps(db);
  const timed = { ...deps, time: { ...deps.time, elapsedMs: () => nowMs } };
  const handler = createHandler(timed, keys);
  const get = (search = "") => handler(eventOf({ path: "/metrics", query: search }), { ...CONTEXT });
  return { get, query, moveToMs: (ms: number) => (nowMs = ms) };
};

describe("GET /metrics", () => {
  it("writes counters, histograms and gauges as Prometheus reads them", async () => {
    const { statusCode, headers, body = "" } = await setup().get();
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({ "content-type": "text/plain; version=0.0.4; charset=utf-8" });
    for (const expected of [
      "# TYPE forgeq_jobs_enqueued_total counter",
      'forgeq_jobs_enqueued_total{queue="emails",type="send_email"} 9',
      'forgeq_attempts_ended_total{queue="emails",type="send_email",outcome="retry"} 2',
      'forgeq_jobs_finished_total{queue="emails",type="send_email",outcome="completed"} 5',
      'forgeq_job_wait_duration_seconds_bucket{queue="emails",type="send_email",le="0.05"} 6',
      'forgeq_job_wait_duration_seconds_bucket{queue="emails",type="send_email",le="3600"} 6',
      'forgeq_job_wait_duration_seconds_bucket{queue="emails",type="send_email",le="+Inf"} 7',
      'forgeq_job_wait_duration_seconds_sum{queue="emails",type="send_email"} 4000.123',
      'forgeq_job_wait_duration_seconds_count{queue="emails",type="send_email"} 7',
      'forgeq_job_run_duration_seconds_bucket{queue="emails",type="send_email",le="0.025"} 0',
      'forgeq_job_run_duration_seconds_bucket{queue="emails",type="send_email",le="0.05"} 7',
      'forgeq_queue_jobs{queue="emails",state="dead"} 4',
      'forgeq_queue_oldest_pending_age_seconds{queue="emails"} 12.5',
      'forgeq_queue_paused{queue="emails"} 1',
      'forgeq_queue_max_in_flight{queue="emails"} 20',
      'forgeq_type_blocked_seconds{type="send_email"} 61.5',
      'forgeq_type_unserved_seconds{queue="emails",type="send_email"} 700',
      "forgeq_queues_left_out 7",
      "forgeq_tick_timestamp_seconds 1800000000.5",
      'forgeq_tick_part_timestamp_seconds{part="purge"} 1799999000',
      'forgeq_info{service="forgeq",stage="test",wake="always"} 1',
    ])
      expect(body.split("\n")).toContain(expected);
    expect(body).not.toContain("forgeq_queue_max_pending{");
    expect(body.endsWith("\n")).toBe(true);
  });

  it("reads the database once in ten seconds, however many ask", async () => {
    const { get, query, moveToMs } = setup();
    const pages = await Promise.all([get(), get()]);
    moveToMs(9_999);
    pages.push(await get());
    expect(new Set(pages.map(({ body }) => body)).size).toBe(1);
    expect(query).toHaveBeenCalledTimes(7);
    moveToMs(10_000);
    await get();
    expect(query).toHaveBeenCalledTimes(14);
  });

  it("shows the queues that are asked for, and refuses names that can't be any", async () => {
    const { get, query } = setup();
    await get("queue=crawl&queue=emails");
    await get("queue=emails&queue=crawl");
    expect(query).toHaveBeenCalledTimes(7);
    const params = query.mock.calls.filter(([text]) => text.includes("forgeq:metrics")).map(([, given]) => given);
    expect(params).toEqual([[["crawl", "emails"]]]);
    for (const wrong of ["queue=No", "queues=emails"])
      expect(await get(wrong)).toMatchObject({
        statusCode: 400,
        body: expect.stringContaining("invalid_query") as string,
      });
  });

  it("needs the scope metrics:read", async () => {
    expect(await setup(keysWith("jobs:read", "jobs:write", "jobs:manage")).get()).toMatchObject({ statusCode: 403 });
    expect(await setup(keysWith("metrics:read")).get()).toMatchObject({ statusCode: 200 });
  });
});

describe("the text format", () => {
  it("escapes labels", () => {
    expect(renderSamples({ name: "a", help: "b" }, "gauge", [{ labels: { x: 'q"\\\n' }, value: 1 }])).toBe(
      '# HELP a b\n# TYPE a gauge\na{x="q\\"\\\\\\n"} 1\n',
    );
  });

  it("accumulates buckets", () => {
    expect(renderHistogram({ name: "h", help: "b" }, [1, 2], [{ labels: {}, buckets: [1, 2, 3], sum: 9 }])).toBe(
      '# HELP h b\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 6\nh_sum 9\nh_count 6\n',
    );
  });
});
