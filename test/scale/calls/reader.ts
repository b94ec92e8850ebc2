/** Calls of operators and of what watches: reads of the database, and the few writes by hand. */
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { countExpiredLeases, readLiveTypes } from "../../../lib/db/reads/doctor.ts";
import { countHistoryPage } from "../../../lib/db/reads/finished-jobs.ts";
import type { JobFilter } from "../../../lib/core/job-filter.ts";
import { type ListFilter, listJobs } from "../../../lib/db/reads/job-list.ts";
import { getJob } from "../../../lib/db/reads/job.ts";
import { cancel, revive } from "../../../lib/db/reads/jobs.ts";
import { readCounters } from "../../../lib/db/reads/metrics.ts";
import { busiestQueues, readQueuePage, readQueueStats } from "../../../lib/db/reads/stats.ts";
import { idsOf, type World } from "../world.ts";

const DAY_MS = 86_400_000;

const FREE = "select id from forgeq.job where claim_id is null and queue = 'reports' order by id desc limit 20";
const finishedIn = (state: string, days: number): string =>
  `select id from forgeq.job_history where state = '${state}' and unique_key is null
   and finished_at between now() - interval '${days} days' and now() - interval '${days - 7} days' limit 20`;

const ofOneJob = async (world: World): Promise<void> => {
  const { db, sizes, call, measure } = world;
  const byId = (name: string, ids: () => string, run: (id: string) => Promise<unknown>) =>
    measure(name, () => {
      const id = ids();
      return Promise.resolve(() => run(id));
    });
  const free = await idsOf(world, FREE);
  await byId("get, live", free, (id) => getJob(db, id, null));
  await byId("cancel, free", free, (id) => cancel(db, id, null));
  await call("get, unknown", () => getJob(db, uuidV7(), null));
  if (sizes.finished === 0) return;
  const dead = await idsOf(world, finishedIn("dead", 10));
  await byId("get, dead", dead, (id) => getJob(db, id, null));
  await byId("retry by hand", dead, (id) => revive(db, id, 1, null));
  await byId("cancel, finished", await idsOf(world, finishedIn("cancelled", 10)), (id) => cancel(db, id, null));
  await byId("get, of half a year ago", await idsOf(world, finishedIn("dead", 180)), (id) => getJob(db, id, null));
};

const FILTERS: Readonly<Record<string, JobFilter>> = {
  list: {},
  "list, scheduled": { states: ["scheduled"] },
  "list, pending": { states: ["pending"] },
  "list, leased": { states: ["leased"] },
  "list, running": { states: ["running"] },
  "list, completed": { states: ["completed"] },
  "list, dead": { states: ["dead"] },
  "list, cancelled": { states: ["cancelled"] },
  "list, queue": { queues: ["emails"] },
  "list, small queue": { queues: ["reports"] },
  "list, dead of a small queue": { states: ["dead"], queues: ["reports"] },
  "list, completed of no queue": { states: ["completed"], queues: ["nothing"] },
  "list, dead of no queue": { states: ["dead"], queues: ["nothing"] },
  "list, queue without jobs": { queues: ["quiet"] },
  "list, no type": { types: ["nothing"] },
  "search, payload": { payload: [{ path: ["nothing"], value: "here" }] },
  "search, payload of finished": { states: ["completed"], payload: [{ path: ["nothing"], value: "here" }] },
  "search, metadata": { metadata: [{ path: ["tenant"], value: "nobody" }] },
  "search, error": { states: ["dead"], error: "no such error" },
  "search, fingerprint": { states: ["dead", "cancelled"], error: "fp_0000000000000000" },
  "search, unique key": { uniqueKey: "nobody's" },
  "search, long ago": { createdBefore: new Date(Date.now() - 100 * DAY_MS) },
  "search, two states": { states: ["dead", "running"], types: ["quiet"] },
  "list, scheduled of a queue without jobs": { states: ["scheduled"], queues: ["quiet"] },
};

const lists = async ({ db, sizes, call }: World): Promise<void> => {
  const list = (more: Partial<ListFilter>) => () =>
    listJobs(
      db,
      { limit: 50, after: null, include: { payload: false, result: false, attempts: false }, ...more },
      null,
    );
  for (const [name, filter] of Object.entries(FILTERS)) await call(name, list(filter));
  await call(
    "list, dead with attempts",
    list({ states: ["dead"], include: { payload: true, result: false, attempts: true } }),
  );
  if (sizes.finished === 0) return;
  const from = async (name: string, days: string) => {
    const [job] = await db.query<{ id: string }>(
      `select id from forgeq.job_history where finished_at < now() - interval '100 days' ${days} limit 1`,
    );
    if (job !== undefined) await call(name, list({ after: job.id }));
  };
  await from("list, from the middle", "and finished_at > now() - interval '101 days'");
  // Of the oldest partition: nothing is behind it, and all partitions since then are read.
  await from("list, from the oldest", "");
};

const numbers = async ({ db, call }: World): Promise<void> => {
  await call("stats of 100 queues", () => readQueuePage(db, "", 100, null));
  for (const name of ["emails", "reports", "quiet"])
    await call(`stats, ${name}`, () => readQueueStats(db, [name], null));
  await call("busiest queues", () => busiestQueues(db, 500));
  await call("counters", () => readCounters(db));
  await call("counters of a queue", () => readCounters(db, ["emails"]));
  await call("doctor, types", () => readLiveTypes(db));
  await call("doctor, expired leases", () => countExpiredLeases(db));
  const window = { from: new Date(Date.now() - 5 * DAY_MS), to: new Date(), after: null, pageRows: 20_000 };
  await call("report, a page of 20,000", () => countHistoryPage(db, window));
};

export const readerCalls = async (world: World): Promise<void> => {
  await ofOneJob(world);
  await lists(world);
  await numbers(world);
};
