import { expect } from "vitest";
import { purge } from "../../../lib/db/protocol/maintenance.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { countedFromJobs, counters } from "./metrics.ts";
import { storm } from "./storm.ts";

/** mulberry32. */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
};

const withoutThrottled = (counted: Record<string, number>) => {
  const throttled = Object.entries(counted).filter(([key]) => key.endsWith("/ended_throttled"));
  return {
    throttled: throttled.reduce((sum, [, value]) => sum + value, 0),
    others: Object.fromEntries(Object.entries(counted).filter(([key]) => !key.endsWith("/ended_throttled"))),
  };
};

/** After a storm the counters equal what jobs and attempts show, have never fallen, and outlive history. */
export const expectExactCounters = async (jobs: number, seed: number): Promise<void> => {
  const { db, throttled, shrunk, now } = await storm(jobs, seeded(seed));
  expect(shrunk).toEqual([]);
  const counted = withoutThrottled(await counters(db));
  expect(counted.others).toEqual(await countedFromJobs(db));
  expect(counted.throttled).toBe(throttled);
  expect(Object.keys(counted.others).length).toBeGreaterThan(60);

  const before = await counters(db);
  const later = new Date(now.getTime() + 400 * 86_400_000);
  const forget = async () => {
    await foldCounters(db, later);
    for (let more = true; more;) ({ more } = await purge(db, 1_000, later));
    return (await db.query("select from forgeq.lease_closed")).length;
  };
  // Not folded, and so not purged, while a transaction is open that is older: other tests have some.
  await expect.poll(forget, { timeout: 30_000 }).toBe(0);
  expect(await counters(db)).toEqual(before);
  expect(await db.query("select from forgeq.job_history union all select from forgeq.job_attempt")).toEqual([]);
};
