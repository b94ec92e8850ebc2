import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffSeconds, backoffToWire, MAX_DELAY_SECONDS } from "../../lib/core/backoff.ts";
import type { Backoff } from "../../lib/core/job.ts";
import { createTestDatabase } from "../support/database/database.ts";

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

const IN_SQL = `select forgeq.backoff_seconds(c.backoff, c.attempt, c.random) as seconds
from rows from (jsonb_to_recordset($1::jsonb) as (backoff jsonb, attempt int, random float8))
  with ordinality as c(backoff, attempt, random, n) order by c.n`;

describe("forgeq.backoff_seconds", () => {
  // As both random() and Math.random() give them: nothing between 0 and 2 ** -53.
  const drawn = fc.oneof(
    fc.constantFrom(0, 2 ** -53, 1 - 2 ** -53),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((part) => Math.floor(part * 2 ** 53) / 2 ** 53),
  );
  const tried = fc.oneof(fc.constantFrom(1, 2, 60, 61, 62, 63, 1000), fc.integer({ min: 1, max: 1000 }));
  const aCase = fc.record({ backoff: backoffs, attempt: tried, random: drawn });
  const EXTREMES = [0, Number.MIN_VALUE, Number.EPSILON, 0.000001, 1 / 3, MAX_DELAY_SECONDS];

  it("gives the same delay as TypeScript, to the last bit", async () => {
    const { db } = await createTestDatabase();
    const compare = async (cases: readonly { backoff: Backoff; attempt: number; random: number }[]) => {
      const wire = cases.map((each) => ({ ...each, backoff: backoffToWire(each.backoff) }));
      const rows = await db.query<{ seconds: number }>(IN_SQL, [JSON.stringify(wire)]);
      expect(rows.map((row) => row.seconds)).toEqual(
        cases.map(({ backoff, attempt, random: part }) => backoffSeconds(backoff, attempt, part)),
      );
    };

    await compare(
      EXTREMES.flatMap((base) =>
        (["exponential", "linear", "fixed", "list"] as const).flatMap((type) =>
          (["full", "none"] as const).flatMap((kind) =>
            [1, 2, 61, 62, 1000].map((attempt) => ({
              backoff: { type, baseSeconds: base, maxSeconds: MAX_DELAY_SECONDS, seconds: base, delaysSeconds: [base, 1], jitter: kind }, // prettier-ignore
              attempt,
              random: 2 ** -53,
            })),
          ),
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(aCase, { minLength: 200, maxLength: 200 }), (cases) => compare(cases)),
      { numRuns: 20 },
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
