import { expect, it } from "vitest";
import { runThroughDispatchers } from "../support/flood.ts";

/** The full size runs in test/long. */
const JOBS = 1_500;

it(
  "never leases more than the limit at any instant, and runs each job once but for a reason",
  { timeout: 240_000 },
  async () => {
    const report = await runThroughDispatchers({ jobs: JOBS, limit: 8, dispatchers: 16, failEvery: 20 });

    expect(report.violations).toEqual([]);
    expect(report.aboveLimit).toEqual([]);
    expect(report.highest).toBeGreaterThan(1);
    expect(report.highest).toBeLessThanOrEqual(8);
    expect(report.states).toEqual({ completed: JOBS });
    expect(report.ranTwice).toEqual([]);
    expect(report.failedOnce).toBe(JOBS / 20);
  },
);
