import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { countedFromJobs } from "../support/observe/metrics.ts";
import { buildHandlers, startProcesses } from "../support/cli/processes.ts";

// Generous: the machine may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const SOON = { timeout: 75_000, interval: 250 };

let handlers: Awaited<ReturnType<typeof buildHandlers>>;
beforeAll(async () => {
  handlers = await buildHandlers();
});
afterAll(() => handlers?.remove());

type Totals = Record<string, number>;

const COUNTS = [
  ...["JobsEnqueued", "JobsLeased", "JobsStarted", "LeaseJobs"],
  ...["JobsCompleted", "JobsRetried", "JobsReleased", "JobsDead", "JobsCancelled"],
];
const DURATIONS = ["JobWait", "JobRun"];

/** What CloudWatch would make of the lines: sums of counts, and how many durations, by queue or by queue and type. */
const totalsOf = (log: readonly string[]): Totals => {
  const totals: Totals = {};
  for (const text of log.filter((line) => line.includes('"_aws"'))) {
    const line = JSON.parse(text.slice(text.indexOf("{"))) as Record<string, number | readonly number[]>;
    const of = [line["queue"], line["type"]].filter(Boolean).join("/");
    for (const name of [...COUNTS, ...DURATIONS]) {
      const values = [line[name] ?? []].flat();
      const value = DURATIONS.includes(name) ? values.length : values.reduce((sum, each) => sum + each, 0);
      if (value > 0) totals[`${of} ${name}`] = (totals[`${of} ${name}`] ?? 0) + value;
    }
  }
  return totals;
};

/** The same from the counters' truth: what jobs and attempts in Postgres tell. */
const expectedOf = (counted: Totals): Totals => {
  const totals: Totals = {};
  const add = (of: string, name: string, value: number) => {
    if (value > 0) totals[`${of} ${name}`] = (totals[`${of} ${name}`] ?? 0) + value;
  };
  for (const series of new Set(Object.keys(counted).map((key) => key.split("/", 2).join("/")))) {
    const [queue = ""] = series.split("/");
    const sum = (...names: string[]) => names.reduce((so, name) => so + (counted[`${series}/${name}`] ?? 0), 0);
    const started = sum("started");
    for (const of of [queue, series]) {
      add(of, "JobsEnqueued", sum("enqueued"));
      for (const name of ["JobsStarted", "LeaseJobs", ...DURATIONS]) add(of, name, started);
      add(of, "JobsCompleted", sum("finished_completed"));
      add(of, "JobsRetried", sum("ended_retry", "ended_timed_out"));
      add(of, "JobsReleased", sum("ended_released", "ended_snoozed"));
      add(of, "JobsDead", sum("finished_dead"));
      add(of, "JobsCancelled", sum("finished_cancelled"));
    }
    // The dispatcher claims by queue.
    add(queue, "JobsLeased", started);
  }
  return totals;
};

it("count in CloudWatch, job by job, what jobs and attempts in Postgres tell", async () => {
  const { db, http, log, invoker } = await startProcesses({
    handlers: handlers.path,
    concurrency: 2,
    env: () => ({ POWERTOOLS_METRICS_DISABLED: "false", FORGEQ_METRICS_BY_TYPE: "true" }),
  });
  const faulty = (act: string, until: number) => ({
    type: "faulty",
    payload: { act, until, gate: join(handlers.path, "snoozed-") },
  });
  const jobs = [
    ...Array.from({ length: 150 }, () => ({ type: "steady", payload: {} })),
    ...Array.from({ length: 20 }, () => ({ type: "relay", payload: { hops: 1 } })),
    ...Array.from({ length: 5 }, () => [
      faulty("throw", 1),
      faulty("throw", 3),
      faulty("bury", 1),
      faulty("snooze", 1),
    ]),
  ].flat();
  for (let at = 0; at < jobs.length; at += 100)
    expect(await http("enqueue", { path: "/jobs/batch", body: { jobs: jobs.slice(at, at + 100) } })).toMatchObject({
      status: 201,
    });

  const ended = async () => (await db.query<{ n: number }>("select count(*)::int as n from forgeq.job_history"))[0]!.n;
  await expect.poll(ended, SOON).toBe(jobs.length + 20);
  const expected = expectedOf(await countedFromJobs(db));
  expect(expected).toMatchObject({
    "shared JobsEnqueued": 210,
    "shared JobsStarted": 230,
    "shared JobsCompleted": 200,
    "shared JobsRetried": 15,
    "shared JobsReleased": 5,
    "shared JobsDead": 10,
  });
  // The dispatcher writes its line when it ends.
  await expect.poll(() => totalsOf(log), SOON).toEqual(expected);
  await invoker.close();
  expect(totalsOf(log)).toEqual(expected);
});
