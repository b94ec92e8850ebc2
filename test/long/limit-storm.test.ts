import { expect, it } from "vitest";
import { runLimitStorm } from "../support/limit-storm.ts";

const SAMPLES = 40_000;

it(`never has more in flight than the limit at ${SAMPLES} samples, under a held snapshot`, async () => {
  const storm = await runLimitStorm(SAMPLES);
  console.log(storm);
  expect(storm).toMatchObject({ above: 0, miscounted: 0, violations: [], highest: 300 });
});
