import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";
import type { ScheduleDefinition } from "../../../lib/core/schedule.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { countHistoryPage } from "../../../lib/db/reads/finished-jobs.ts";
import { isMigrated } from "../../../lib/db/schema/schema.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { dispatch } from "../../../lib/queue/lambda/dispatch.ts";
import { cancelJob } from "../../../lib/queue/manage/cancel-job.ts";
import { deleteQueue, pauseQueue, resumeQueue, setQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { getJob, listJobs } from "../../../lib/queue/manage/read-jobs.ts";
import { retryJob } from "../../../lib/queue/manage/retry-job.ts";
import { health } from "../../../lib/queue/observe/health.ts";
import { createMetricsPage } from "../../../lib/queue/observe/metrics-page.ts";
import { queueStats } from "../../../lib/queue/observe/queue-stats.ts";
import {
  createSchedule,
  deleteSchedule,
  listSchedules,
  triggerSchedule,
  updateSchedule,
} from "../../../lib/queue/schedule/manage-schedules.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import type { Role } from "../../../lib/db/schema/role-names.ts";
import { logIn, refusalOf } from "../../support/database/roles.ts";
import { plain, setup, type Setup, unlimited } from "../../support/queue.ts";

const other = defineJob({ type: "other", queue: "other", payload: z.object({}).loose() });

const NIGHTLY: ScheduleDefinition = {
  name: "nightly",
  cron: "0 3 * * *",
  timezone: "UTC",
  type: "plain",
  payload: {},
  queue: null,
  priority: null,
  paused: false,
  overlap: "allow",
  catchUp: "skip",
  catchUpLimit: 10,
  startsAt: null,
  endsAt: null,
  jitterSeconds: 0,
  maxAttempts: null,
  uniqueKey: null,
  metadata: null,
};

/** A database on its real clock, and use cases as somebody with these roles. */
const setupRoles = async () => {
  const s = await setup({ jobs: [plain, other], queues: [unlimited], realClock: true });
  const warnings: unknown[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (...all: unknown[]) => void warnings.push(all),
    error: (...all: unknown[]) => void warnings.push(all),
  };
  const as = async (...roles: Role[]): Promise<Deps> => ({ ...s.deps, db: (await logIn(s, roles)).db, logger });
  return { ...s, as, warnings };
};

const enqueueAs = async (deps: Deps, more: object = {}): Promise<string> =>
  (await enqueueJobs(deps, [{ type: "plain", payload: { n: 1 }, ...more }]))[0]!.job.id;

const run = async (s: Setup, outcome: "completed" | "dead") => {
  await s.queue.settle(await s.queue.lease(), outcome);
};

describe("each role is enough for its part:", () => {
  it("forgeq_enqueue stores jobs, one and many, by id, by key, later, and from SQL", async () => {
    const s = await setupRoles();
    const deps = await s.as("enqueue");
    expect(await isMigrated(deps.db)).toBe(true);
    await enqueueAs(deps);
    await enqueueAs(deps, { id: uuidV7(), uniqueKey: "key" });
    await enqueueAs(deps, { delaySeconds: 30, metadata: { a: 1 } });
    await enqueueJobs(deps, [
      { type: "plain", payload: {} },
      { type: "other", payload: {} },
    ]);
    await deps.db.query(`select * from forgeq.enqueue('plain', '{"n": 2}', run_at => now() + interval '1 hour')`);
    expect(await s.db.query("select count(*)::int as jobs from forgeq.job")).toEqual([{ jobs: 6 }]);
    const again = { type: "plain", payload: { n: 3 }, id: uuidV7(), uniqueKey: "again", delaySeconds: 30 };
    const [stored] = await enqueueJobs(deps, [again]);
    expect(await enqueueJobs(deps, [again])).toMatchObject([
      { created: false, job: { id: again.id, state: "scheduled" } },
    ]);
    expect(await enqueueJobs(deps, [{ ...again, id: uuidV7() }])).toEqual([{ created: false, job: stored!.job }]);
    // What others have sent it can't see.
    const other = [again.id, again.id, "plain", '{"n": 4}', "again"];
    expect(await refusalOf(deps.db, "select * from forgeq.stored_job($1, $2, $3, $4, $5)", other)).toMatch(/^FQ004/);
    expect(s.invocations.length).toBeGreaterThan(0);
  });

  it("forgeq_worker dispatches and ticks, and a handler counts what has finished", async () => {
    const s = await setupRoles();
    const deps = await s.as("worker");
    await enqueueAs(deps);
    const report = await dispatch(deps, {}, () => 20_000);
    expect(report).toMatchObject({ jobs: 1 });
    await s.db.query("update forgeq.lease set expires_at = now() - interval '1 second'");
    await createSchedule({ ...deps, db: s.db }, NIGHTLY);
    await s.db.query(
      "update forgeq.schedule set decided_until = date_trunc('milliseconds', now() - interval '2 days'), next_slot_at = now() - interval '1 minute', catch_up = 'last'",
    );
    expect(await tick(deps, () => 60_000)).toMatchObject({ slotsFired: 1, leasesRecovered: 1, workLeft: false });
    const hour = 3_600_000;
    const input = { from: new Date(Date.now() - hour), to: new Date(), after: null, pageRows: 10 };
    expect(await countHistoryPage(deps.db, input)).toMatchObject({ examined: 0 });
    expect(s.warnings).toEqual([["expired leases were recovered", { leases: 1, jobs: 1 }]]);
  });

  it("forgeq_manage cancels, retries, sets queues, writes schedules, reads and ticks", async () => {
    const s = await setupRoles();
    const deps = await s.as("manage");
    const [first] = await s.queue.enqueue(1);
    expect(await cancelJob(deps, first!)).toBe("cancelled");
    const [dead] = await s.queue.enqueue(1);
    await run(s, "dead");
    expect(await retryJob(deps, dead!, { life: 1 })).toMatchObject({ state: "pending", life: 2 });
    await pauseQueue(deps, "plain");
    await resumeQueue(deps, "plain");
    expect(await setQueue(deps, "plain", { maxInFlight: 3, types: ["other"] })).toMatchObject({ declared: false });
    expect(await setQueue(deps, "mine", { maxPending: 3, types: ["other"] })).toMatchObject({ declared: true });
    expect(await deleteQueue(deps, "mine")).toBe("deleted");
    await createSchedule(deps, NIGHTLY);
    await updateSchedule(deps, "nightly", (seen) => ({ ...seen, cron: "0 4 * * *" }));
    expect(await triggerSchedule(deps, "nightly")).not.toBe("not_found");
    expect(await listSchedules(deps)).toMatchObject([{ cron: "0 4 * * *" }]);
    expect(await deleteSchedule(deps, "nightly")).toBe("deleted");
    expect(await tick(deps, () => 60_000)).toMatchObject({ workLeft: false });
    expect(s.warnings).toEqual([]);
  });

  it.each(["read", "manage"] as const)("forgeq_%s reads jobs, queues, schedules and metrics", async (role) => {
    const s = await setupRoles();
    const deps = await s.as(role);
    const [id] = await s.queue.enqueue(2);
    await run(s, "completed");
    expect(await health(deps)).toEqual({ ok: true });
    expect(await getJob(deps, id!)).toMatchObject({ state: "completed", payload: { n: 0 } });
    const include = { payload: true, result: true, attempts: true };
    expect((await listJobs(deps, { limit: 10, after: null, include })).jobs).toHaveLength(2);
    expect(await queueStats(deps)).toMatchObject([{ name: "other" }, { name: "plain" }]);
    expect(await createMetricsPage()(deps)).toContain("forgeq_");
    expect(await listSchedules(deps)).toEqual([]);
    expect(await deps.db.query("select state from forgeq.jobs")).toHaveLength(2);
  });
});

it("a role that is a member of none is told so, not that the database is away", async () => {
  const s = await setupRoles();
  const stranger = { ...s.deps, db: (await logIn(s, ["stranger"])).db };
  expect(await health(stranger)).toMatchObject({
    ok: false,
    detail: "this role may not use the schema: see docs/how-to/harden.md",
    reason: "permission denied for table migration (42501)",
  });
});
