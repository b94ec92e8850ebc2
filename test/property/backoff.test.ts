import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffSeconds, backoffToWire, MAX_DELAY_SECONDS } from "../../lib/core/backoff.ts";
import type { Backoff } from "../../lib/core/job.ts";

const seconds = fc.double({ min: 0, max: MAX_DELAY_SECONDS, noNaN: true });
const jitter = fc.constantFrom("full" as const, "none" as const);
const backoffs: fc.Arbitrary<Backoff> = fc.oneof(
  fc.record({ type: fc.constantFrom("exponential" as const), baseSeconds: seconds, maxSeconds: seconds, jitter }),
  fc.record({ type: fc.constantFrom("linear" as const), baseSeconds: seconds, maxSeconds: seconds, jitter }),
  fc.record({ type: fc.constantFrom("fixed" as const), seconds, jitter }),
  fc.record({ type: fc.constantFrom("list" as const), delaysSeconds: fc.array(seconds, { minLength: 1 }), jitter }),
);
const attempts = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 2_147_483_647 }));
const random = fc.double({ min: 0, max: 1, noNaN: true });

const exponential = { type: "exponential", baseSeconds: 2, maxSeconds: 900, jitter: "none" } as const;

describe("backoffSeconds", () => {
  it.each([
    [exponential, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]],
    [{ type: "linear", baseSeconds: 10, maxSeconds: 35, jitter: "none" } as const, [10, 20, 30, 35, 35]],
    [{ type: "fixed", seconds: 7, jitter: "none" } as const, [7, 7, 7]],
    [{ type: "list", delaysSeconds: [1, 5, 60], jitter: "none" } as const, [1, 5, 60, 60]],
  ])("follows the policy %j", (backoff, expected) => {
    expect(expected.map((_, index) => backoffSeconds(backoff, index + 1, 0.5))).toEqual(expected);
  });

  it("takes a random part of the delay with full jitter", () => {
    expect(backoffSeconds({ ...exponential, jitter: "full" }, 3, 0.25)).toBe(2);
  });

  it("is between nothing and a year, whatever the attempt", () => {
    fc.assert(
      fc.property(backoffs, attempts, random, (backoff, attempt, part) => {
        const delay = backoffSeconds(backoff, attempt, part);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(MAX_DELAY_SECONDS);
      }),
    );
  });

  it("never grows shorter with more attempts, but for a list", () => {
    fc.assert(
      fc.property(backoffs, attempts, (backoff, attempt) => {
        fc.pre(backoff.type !== "list");
        expect(backoffSeconds(backoff, attempt + 1, 1)).toBeGreaterThanOrEqual(backoffSeconds(backoff, attempt, 1));
      }),
    );
  });

  it("is never longer with jitter than without", () => {
    fc.assert(
      fc.property(backoffs, attempts, random, (backoff, attempt, part) => {
        const whole = backoffSeconds({ ...backoff, jitter: "none" }, attempt, part);
        expect(backoffSeconds({ ...backoff, jitter: "full" }, attempt, part)).toBeLessThanOrEqual(whole);
      }),
    );
  });
});

describe("backoffToWire", () => {
  it("writes snake_case", () => {
    expect(backoffToWire(exponential)).toEqual({
      type: "exponential",
      base_seconds: 2,
      max_seconds: 900,
      jitter: "none",
    });
    expect(backoffToWire({ type: "list", delaysSeconds: [1, 2], jitter: "full" })).toEqual({
      type: "list",
      delays_seconds: [1, 2],
      jitter: "full",
    });
    expect(backoffToWire({ type: "fixed", seconds: 3, jitter: "full" })).toEqual({
      type: "fixed",
      seconds: 3,
      jitter: "full",
    });
  });
});
