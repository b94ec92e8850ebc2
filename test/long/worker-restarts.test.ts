import { expect, it } from "vitest";
import { makeProject } from "../support/cli/cli.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { miscounted, strays } from "../support/queue.ts";
import { restartWorkers } from "../support/worker/restarts.ts";

const RESTARTS = 300;
const JOBS = 50_000;
const WORKERS = 4;

/** Claimed by workers, and pushed to them. */
const CALLS = [1_000, 5];

it.each(CALLS)(
  "completes every job once through graceful restarts, %i of a call, and burns no attempt",
  async (callJobs) => {
    const { db, url } = await createTestDatabase();
    const project = await makeProject(db);
    const report = await restartWorkers(db, url, project, {
      restarts: RESTARTS,
      jobs: JOBS,
      workers: WORKERS,
      signal: "SIGTERM",
      callJobs,
    });
    console.log(JSON.stringify({ ...report, exitCodes: report.exitCodes.length }));
    expect(report.states).toEqual({ completed: JOBS });
    expect(report).toMatchObject({ runTwice: 0, attemptsBurned: 0, leasesExpired: 0 });
    expect(new Set(report.exitCodes)).toEqual(new Set([0]));
    expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
  },
);

it.each(CALLS)(
  "completes every job although workers are killed, %i of a call, and repeats only what a lease held",
  async (callJobs) => {
    const { db, url } = await createTestDatabase();
    const project = await makeProject(db, { leaseSeconds: 3 });
    const report = await restartWorkers(db, url, project, {
      restarts: RESTARTS,
      jobs: JOBS,
      workers: WORKERS,
      signal: "SIGKILL",
      callJobs,
    });
    console.log(JSON.stringify({ ...report, exitCodes: report.exitCodes.length }));
    expect(report.states).toEqual({ completed: JOBS });
    expect(report.runTwice).toBeLessThanOrEqual(report.leasesExpired);
    expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
  },
);
