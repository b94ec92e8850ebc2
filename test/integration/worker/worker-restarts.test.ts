import { expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { makeProject } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { miscounted, strays } from "../../support/queue.ts";
import { restartWorkers } from "../../support/worker/restarts.ts";

// The full sizes are in test/long.
const RESTARTS = 6;
const JOBS = 600;
const WORKERS = 2;
const TIME_OUT_MS = 120_000;

it(
  "completes every job once through graceful restarts of worker processes, and burns no attempt",
  async () => {
    const { db, url } = await createTestDatabase();
    const project = await makeProject(db);
    const report = await restartWorkers(db, url, project, {
      restarts: RESTARTS,
      jobs: JOBS,
      workers: WORKERS,
      signal: "SIGTERM",
    });
    expect(report.states).toEqual({ completed: JOBS });
    expect(report).toMatchObject({ runTwice: 0, attemptsBurned: 0, leasesExpired: 0 });
    expect(new Set(report.exitCodes)).toEqual(new Set([0]));
    expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
  },
  TIME_OUT_MS,
);

it(
  "completes every job although worker processes are killed, and repeats only what a lease held",
  async () => {
    const { db, url } = await createTestDatabase();
    const project = await makeProject(db, { leaseSeconds: 2 });
    const report = await restartWorkers(db, url, project, {
      restarts: 3,
      jobs: 300,
      workers: WORKERS,
      signal: "SIGKILL",
    });
    expect(report.states).toEqual({ completed: 300 });
    expect(report.runTwice).toBeLessThanOrEqual(report.leasesExpired);
    expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
  },
  TIME_OUT_MS,
);

/** Leases of jobs that were stored begun: a claim has the id of its first job there. */
const begunLeases = async (db: Db): Promise<number> => {
  const [row] = await db.query<{ n: number }>(
    "select count(*)::int as n from forgeq.job_history h join forgeq.lease_closed c on c.id = h.lease_id where c.claim_id = h.id",
  );
  return row!.n;
};

it.each(["SIGTERM", "SIGKILL"] as const)(
  "completes what is pushed to workers, though they get %s",
  async (signal) => {
    const { db, url } = await createTestDatabase();
    const project = await makeProject(db, { leaseSeconds: signal === "SIGKILL" ? 2 : 60 });
    const report = await restartWorkers(db, url, project, {
      restarts: RESTARTS,
      jobs: JOBS,
      workers: WORKERS,
      signal,
      callJobs: 2,
    });
    expect(report.states).toEqual({ completed: JOBS });
    expect(report.runTwice).toBeLessThanOrEqual(report.leasesExpired);
    if (signal === "SIGTERM") expect(report).toMatchObject({ runTwice: 0, attemptsBurned: 0, leasesExpired: 0 });
    expect(await begunLeases(db)).toBeGreaterThan(0);
    expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
  },
  TIME_OUT_MS,
);

it.each(["SIGTERM", "SIGKILL"] as const)(
  "completes what jobs enqueue in their own worker, though that gets %s",
  async (signal) => {
    const { db, url } = await createTestDatabase();
    const project = await makeProject(db, { leaseSeconds: signal === "SIGKILL" ? 2 : 60 });
    const report = await restartWorkers(db, url, project, {
      restarts: 3,
      jobs: 12,
      workers: WORKERS,
      signal,
      hops: 24,
    });
    // Who is killed after its enqueue and before its outcome is written enqueues again.
    const again = signal === "SIGKILL" ? report.leasesExpired : 0;
    expect(Object.keys(report.states)).toEqual(["completed"]);
    expect(report.states["completed"]).toBeGreaterThanOrEqual(300);
    expect(report.states["completed"]).toBeLessThanOrEqual(300 + 24 * again);
    expect(report.runTwice).toBeLessThanOrEqual(again);
    expect(await begunLeases(db)).toBeGreaterThan(0);
    expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
  },
  TIME_OUT_MS,
);
