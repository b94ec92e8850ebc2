import { expect, it } from "vitest";
import { runThroughDispatchers } from "../support/flood.ts";

const JOBS = 10_000;

it(`takes ${JOBS} jobs through 16 dispatchers, never more than 8 leased at any instant`, async () => {
  const report = await runThroughDispatchers({ jobs: JOBS, limit: 8, dispatchers: 16, failEvery: 20 });

  expect(report.violations).toEqual([]);
  expect(report.aboveLimit).toEqual([]);
  expect(report.highest).toBeLessThanOrEqual(8);
  expect(report.states).toEqual({ completed: JOBS });
  expect(report.ranTwice).toEqual([]);
  expect(report.failedOnce).toBe(JOBS / 20);
});
