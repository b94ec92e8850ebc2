import { describe, expect, it } from "vitest";
import type { NewJob } from "../../../lib/core/new-job.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { toForgeqError } from "../../../lib/db/drivers/call.ts";
import { enqueueAndBegin } from "../../../lib/db/protocol/enqueue.ts";
import { declareQueue, setLimits } from "../../../lib/db/reads/queues.ts";
import { enqueueJobs, enqueueJobsIn } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { plain, setup, unlimited } from "../../support/queue.ts";

const JOB = { type: "plain", payload: { n: 1 } };

const countOf = async (db: Db, table: "job" | "queue"): Promise<number> =>
  (await db.query<{ n: number }>(`select count(*)::int as n from forgeq.${table}`))[0]!.n;

/** Each way to store jobs. */
const WAYS: Record<string, (deps: Deps, jobs: readonly NewJob[]) => Promise<unknown>> = {
  "by the API": (deps, jobs) => enqueueJobs(deps, jobs),
  "by the API, many of them": (deps, jobs) => enqueueJobs(deps, [...jobs, ...Array<NewJob>(10).fill(jobs[0]!)]),
  "with ids of the caller's": (deps, jobs) =>
    enqueueJobs(
      deps,
      jobs.map((job) => ({ ...job, id: uuidV7() })),
    ),
  "with unique keys": (deps, jobs) =>
    enqueueJobs(
      deps,
      jobs.map((job, index) => ({ ...job, uniqueKey: `k${index}` })),
    ),
  "in a caller's transaction": ({ db }, jobs) => db.transaction((tx) => enqueueJobsIn(tx, jobs, null)),
  "by an eager invoke": (deps, jobs) => enqueueJobs({ ...deps, config: { ...deps.config, eager: true } }, jobs),
  "by a local start": ({ db }, jobs) =>
    enqueueAndBegin(
      db,
      jobs.map((job) => ({ ...job, id: uuidV7() })),
      { queue: jobs[0]!.queue ?? "plain", worker: uuidV7(), invocation: "test", at: null },
    ),
  "by SQL": async ({ db }, jobs) => {
    for (const { type, payload, queue } of jobs)
      await db
        .query("select * from forgeq.enqueue($1, $2::jsonb, $3)", [type, JSON.stringify(payload), queue ?? null])
        .catch((error: unknown) => {
          throw toForgeqError(error);
        });
  },
};

describe.each(Object.entries(WAYS))("a job that is stored %s", (_, store) => {
  it("goes to its type's queue, and to one that the type or an operator lists", async () => {
    const s = await setup({ jobs: [{ ...plain, queues: ["side"] }] });
    await declareQueue(s.db, "other", { types: ["plain"] });
    for (const queue of [undefined, "plain", "side", "other"]) {
      await store(s.deps, [queue === undefined ? JOB : { ...JOB, queue }]);
      const stored = await s.db.query<{ queue: string }>("select distinct queue from forgeq.job");
      expect(stored).toEqual([{ queue: queue ?? "plain" }]);
      await s.db.query("delete from forgeq.job; delete from forgeq.lease; delete from forgeq.unique_key");
    }
  });

  it.each([
    ["that is not there", "nowhere"],
    ["that is there for other types", "theirs"],
  ])("is refused when it names a queue %s, and nothing is stored", async (_case, queue) => {
    const s = await setup();
    await declareQueue(s.db, "theirs", { types: [] });
    const queues = await countOf(s.db, "queue");
    await expect(store(s.deps, [{ ...JOB, queue }])).rejects.toMatchObject({
      code: "unknown_queue",
      message: expect.stringContaining(queue) as string,
      details: { index: 0, queue },
    });
    expect(await countOf(s.db, "job")).toBe(0);
    expect(await countOf(s.db, "queue")).toBe(queues);
  });
});

it("begins a job in a queue that is listed, as in the type's own", async () => {
  const s = await setup({ jobs: [{ ...plain, queues: ["side"] }] });
  await declareQueue(s.db, "other", { types: ["plain"] });
  for (const queue of ["plain", "side", "other"]) {
    const start = { queue, worker: uuidV7(), invocation: "test", at: null };
    const { lease } = await enqueueAndBegin(s.db, [{ ...JOB, queue, id: uuidV7() }], start);
    expect(lease, queue).toMatchObject({ jobs: [{}] });
  }
});

it("refuses a whole call for one job, and names that", async () => {
  const { deps, db } = await setup();
  const jobs = [JOB, JOB, { ...JOB, queue: "nowhere" }, { ...JOB, queue: "plain" }];
  await expect(enqueueJobs(deps, jobs)).rejects.toMatchObject({ code: "unknown_queue", details: { index: 2 } });
  expect(await countOf(db, "job")).toBe(0);
});

it("refuses jobs of a type whose own queue is gone", async () => {
  const { deps, db } = await setup();
  await db.query("delete from forgeq.queue where name = 'plain'");
  await expect(enqueueJobs(deps, [JOB])).rejects.toMatchObject({ code: "unknown_queue" });
  expect(await countOf(db, "queue")).toBe(0);
});

it("takes a queue from the list again, by the code and by an operator", async () => {
  const { deps, db } = await setup({ jobs: [{ ...plain, queues: ["side"] }] });
  await declareQueue(db, "other", { types: ["plain"] });
  await enqueueJobs(deps, [
    { ...JOB, queue: "side" },
    { ...JOB, queue: "other" },
  ]);
  await syncDefinitions(db, [plain], [unlimited]);
  await setLimits(db, "other", { types: [] });
  for (const queue of ["side", "other"])
    await expect(enqueueJobs(deps, [{ ...JOB, queue }])).rejects.toMatchObject({ code: "unknown_queue" });
});

it("knows which queues the code declares, and keeps an operator's list over a deploy", async () => {
  const { db } = await setup({ jobs: [{ ...plain, queues: ["side"] }] });
  await declareQueue(db, "other", { types: ["plain"] });
  await setLimits(db, "side", { types: ["plain"] });
  const queues = () => db.query("select name, declared, listed_types as types from forgeq.queue order by name");
  expect(await queues()).toEqual([
    { name: "other", declared: false, types: ["plain"] },
    { name: "plain", declared: true, types: [] },
    { name: "side", declared: true, types: ["plain"] },
  ]);
  await syncDefinitions(db, [plain], [unlimited]);
  expect(await queues()).toEqual([
    { name: "other", declared: false, types: ["plain"] },
    { name: "plain", declared: true, types: [] },
    { name: "side", declared: false, types: ["plain"] },
  ]);
  // A command outside of a project has no code that could drop one.
  await syncDefinitions(db, [], []);
  expect(await queues()).toContainEqual({ name: "plain", declared: true, types: [] });
});
