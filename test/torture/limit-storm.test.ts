import { expect, it } from "vitest";
import { runLimitStorm } from "../support/limit-storm.ts";

/** The full size runs in test/long. */
const SAMPLES = 1_000;

it(
  "never has more in flight than the limit, also while the queue gets and loses it, under a held snapshot",
  { timeout: 240_000 },
  async () => {
    const storm = await runLimitStorm(SAMPLES);
    expect(storm).toMatchObject({ above: 0, miscounted: 0, violations: [] });
    expect(storm.highest).toBeGreaterThan(250);
    expect(storm.highest).toBeLessThanOrEqual(300);
    expect(storm.switches).toBeGreaterThan(1);
  },
);
