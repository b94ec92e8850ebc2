import { describe, expect, it, vi } from "vitest";
import { httpFunction } from "../../lib/http/function.ts";
import { createRateLimit, parseRate } from "../../lib/http/rate-limit.ts";
import { keysWith, send } from "../support/http/http.ts";

describe("the rate of a key", () => {
  it("lets so many requests through together, and then one after the other as time passes", () => {
    let nowMs = 0;
    const take = createRateLimit({ requests: 10, seconds: 5 }, () => nowMs);
    for (let left = 9; left >= 0; left -= 1)
      expect(take("a")).toEqual({
        "ratelimit-policy": '"default";q=10;w=5',
        ratelimit: `"default";r=${left};t=${Math.ceil((10 - left) / 2)}`,
      });
    expect(() => take("a")).toThrow(expect.objectContaining({ code: "rate_limited" }) as Error);
    expect(take("b")).toMatchObject({ ratelimit: '"default";r=9;t=1' });
    nowMs += 499;
    expect(() => take("a")).toThrow("10 requests in 5 s");
    nowMs += 1;
    take("a");
    expect(() => take("a")).toThrow();
    nowMs += 60_000;
    for (let n = 0; n < 10; n += 1) take("a");
    expect(() => take("a")).toThrow();
  });

  it.each(["100", "0/1s", "100/s", "100/1m", "-1/1s", "1e3/1s", " 100/1s"])("is not %j", (text) => {
    expect(() => parseRate(text)).toThrow("FORGEQ_RATE_LIMIT is not valid");
  });

  it("is answered with 429, Retry-After and what is left, before the route runs; nothing is limited unless it is given", async () => {
    const run = vi.fn(() => Promise.resolve({ status: 200, body: {} }));
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
    const handlerOf = (rate?: string) =>
      httpFunction({ logger }, { list: keysWith("jobs:read"), rate }, () => [
        { method: "GET", path: "/jobs", scopes: ["jobs:read"], run },
      ]);
    const limited = handlerOf("1/60s");
    const first = await send(limited, { path: "/jobs" });
    expect(first).toMatchObject({ status: 200, headers: { ratelimit: '"default";r=0;t=60' } });
    const second = await send(limited, { path: "/jobs" });
    expect(second).toMatchObject({ status: 429, body: { code: "rate_limited" } });
    expect(second.headers).toMatchObject({ "ratelimit-policy": '"default";q=1;w=60', "retry-after": "60" });
    expect(run).toHaveBeenCalledTimes(1);
    expect(logger.warn).toHaveBeenCalledWith("request refused", expect.objectContaining({ caller: "test" }));
    const unlimited = handlerOf();
    for (let n = 0; n < 100; n += 1) expect((await send(unlimited, { path: "/jobs" })).status).toBe(200);
    expect((await send(unlimited, { path: "/jobs" })).headers).not.toHaveProperty("ratelimit");
  });
});
