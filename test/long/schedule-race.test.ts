import { expect, it } from "vitest";
import { raceSchedulers } from "../support/schedule/schedule-race.ts";

const YEARS = 10;

it(`five racing schedulers decide ${YEARS} years of 40 schedules in 12 zones as a walk of the clock says`, async () => {
  const fromMs = Date.UTC(2008, 5, 15);
  const { differences, slots, jobs, ticks } = await raceSchedulers(fromMs, Date.UTC(2008 + YEARS, 5, 15), 11);
  console.log(
    `${slots} slots, ${ticks} ticks of five or ten racing schedulers, ${jobs} jobs, ${differences.length} differences`,
  );
  expect(differences).toEqual([]);
}, 3_600_000);
