import { expect, it } from "vitest";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { startLocal, temporaryFolder } from "../support/cli/start-local.ts";

const JOBS = 2_000;
const WINDOW_SECONDS = 600;
const FIRST_SECONDS = 20;
/** Upper bounds of the histogram's classes, in seconds of lateness. */
const BOUNDS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, Infinity];

const LATENESS = `select extract(epoch from began_at - run_at)::float8 as late from forgeq.job_history order by 1`;

const histogram = (late: readonly number[]): string =>
  BOUNDS.map((bound, index) => {
    const count = late.filter((each) => each < bound && each >= (BOUNDS[index - 1] ?? -Infinity)).length;
    return `${`< ${bound} s`.padStart(12)} ${String(count).padStart(6)} ${"#".repeat(Math.ceil((count / late.length) * 60))}`;
  }).join("\n");

it.each(["always", "armed"])(
  `${JOBS} jobs due at random within ${WINDOW_SECONDS} s start on time in the mode %s`,
  async (mode) => {
    const folder = temporaryFolder();
    const run = await startLocal({ folder: folder.path, env: { FORGEQ_WAKE: mode } });
    const db = await connectDb({ url: run.databaseUrl });
    try {
      const now = Date.now();
      const jobs = Array.from({ length: JOBS }, (_, n) => ({
        type: "send_email",
        payload: { email: `user${n}@example.com` },
        run_at: new Date(now + (FIRST_SECONDS + Math.random() * WINDOW_SECONDS) * 1000).toISOString(),
      }));
      for (let from = 0; from < JOBS; from += 1000)
        await run.api.post("/jobs/batch", { jobs: jobs.slice(from, from + 1000) });

      const finished = async () => (await db.query<{ late: number }>(LATENESS)).map(({ late }) => late);
      await expect
        .poll(async () => (await finished()).length, { timeout: (WINDOW_SECONDS + 120) * 1000, interval: 5_000 })
        .toBe(JOBS);
      const late = await finished();
      const p = (part: number) => late[Math.floor((late.length - 1) * part)]!;
      console.log(
        `${mode}: p50 ${p(0.5).toFixed(3)} s, p99 ${p(0.99).toFixed(3)} s, max ${p(1).toFixed(3)} s\n${histogram(late)}`,
      );
      expect(p(0)).toBeGreaterThanOrEqual(0);
      expect(p(0.99)).toBeLessThan(1);
    } finally {
      await db.close();
      await run.stop();
      folder.remove();
    }
  },
  (WINDOW_SECONDS + 300) * 1000,
);
