import { expect, it } from "vitest";
import { raceSchedulers } from "../../support/schedule/schedule-race.ts";

// Two weeks in which clocks are set in Berlin, Troll, Lord Howe and Apia; test/long has ten years.
it("five racing schedulers, doubled, late and lost for hours, decide each slot as a walk of the clock says", async () => {
  const { differences, slots, jobs } = await raceSchedulers(Date.UTC(2012, 2, 22), Date.UTC(2012, 3, 5), 7);
  expect(differences).toEqual([]);
  expect(slots).toBeGreaterThan(250);
  expect(jobs).toBeGreaterThan(slots / 2);
}, 120_000);
