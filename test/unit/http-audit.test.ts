import { describe, expect, it, vi } from "vitest";
import { ForgeqError } from "../../lib/core/errors.ts";
import { refusals } from "../../lib/core/refusals.ts";
import { httpFunction } from "../../lib/http/function.ts";
import { createRefusalLog } from "../../lib/http/refusal-log.ts";
import type { Route } from "../../lib/http/router.ts";
import { anyBody } from "../support/http/bodies.ts";
import { keysWith, SECRET, send, type TestRequest } from "../support/http/http.ts";

const CANARY = "canary-of-a-payload";

const setup = (run: Route["run"] = () => Promise.resolve({ status: 200, body: {} })) => {
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const metrics = { count: vi.fn(), flush: vi.fn() };
  const route: Route = { method: "POST", path: "/queues/{name}/pause", scopes: ["jobs:manage"], audit: "queue.pause", body: anyBody(1000, { optional: true }), run }; // prettier-ignore
  const made: Route = { ...route, path: "/schedules", audit: "schedule.create" };
  const read: Route = { method: "GET", path: "/jobs", scopes: ["jobs:read"], run };
  const deps = () => Promise.reject(new Error("not called"));
  const handler = httpFunction(deps, keysWith("jobs:manage"), () => [route, made, read], { before: () => ({ logger, metrics }) }); // prettier-ignore
  return { logger, metrics, ask: (request: TestRequest) => send(handler, request) };
};

describe("a management action", () => {
  it.each([
    ["done", () => Promise.resolve({ status: 200, body: {} }), 1],
    ["requested", () => Promise.resolve({ status: 202, body: {} }), 1],
    ["not_found", () => Promise.reject(new ForgeqError("not_found", CANARY)), 0],
    ["internal", () => Promise.reject(new Error(CANARY)), 0],
  ] as const)("leaves one line that says who did what to what: %s", async (outcome, run, count) => {
    const { logger, ask } = setup(run);
    await ask({ path: "/queues/emails/pause", body: { note: CANARY } });
    expect(logger.info.mock.calls).toEqual([
      ["audit", { caller: "test", action: "queue.pause", target: "emails", count, outcome, request_id: "request-1" }],
    ]);
  });

  it("names what is made", async () => {
    const { logger, ask } = setup();
    await ask({ path: "/schedules", body: { name: "daily", payload: CANARY } });
    expect(logger.info).toHaveBeenCalledWith("audit", expect.objectContaining({ target: "daily" }));
    expect(JSON.stringify(logger.info.mock.calls)).not.toContain(CANARY);
  });
});

describe("a refused request", () => {
  it("is counted and logged with what it asked for and who asked, and without its key or its path", async () => {
    const before = { ...refusals() };
    const { logger, metrics, ask } = setup();
    await ask({ path: `/jobs`, query: `q=${CANARY}`, headers: { authorization: `Bearer ${SECRET}-wrong` } });
    await ask({ path: "/jobs" });
    await ask({ path: `/${CANARY}` });
    expect(logger.warn.mock.calls).toEqual([
      [
        "request refused",
        {
          ...{ request_id: "request-1", code: "unauthorized", reason: "The API key is not known" },
          ...{ address: "192.0.2.1", method: "GET", route: "/jobs" },
        },
      ],
      ["request refused", expect.objectContaining({ code: "forbidden", caller: "test", route: "/jobs" })],
    ]);
    expect(JSON.stringify(logger.warn.mock.calls)).not.toMatch(new RegExp(`${SECRET}|${CANARY}`));
    expect(refusals()).toEqual({
      ...before,
      unauthorized: before.unauthorized + 1,
      forbidden: before.forbidden + 1,
    });
    expect(metrics.count.mock.calls).toEqual([
      ["RequestsRefused", 1],
      ["RequestsRefused", 1],
    ]);
    expect(metrics.flush).toHaveBeenCalled();
  });

  it("is counted always, and logged ten times a second at most", () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    let nowMs = 0;
    const refused = createRefusalLog(() => ({ logger }), () => nowMs); // prettier-ignore
    const request = { requestId: "r", address: undefined, route: undefined, keyId: undefined };
    const before = refusals().unauthorized;
    for (let n = 0; n < 1_000; n += 1) refused(new ForgeqError("unauthorized", "no"), request);
    nowMs = 1_000;
    refused(new ForgeqError("unauthorized", "no"), request);
    refused(new ForgeqError("not_found", "no"), request);
    refused(new Error("no"), request);
    expect(logger.warn).toHaveBeenCalledTimes(11);
    expect(logger.warn).toHaveBeenLastCalledWith("request refused", expect.objectContaining({ left_out: 990 }));
    expect(refusals().unauthorized - before).toBe(1_001);
  });
});
