import { describe, expect, it } from "vitest";
import { jobs } from "../../../functions/registry.ts";
import { queues } from "../../../functions/queues.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { enqueueAndClaim } from "../../../lib/db/protocol/enqueue.ts";
import { settleAndTake } from "../../../lib/db/protocol/take.ts";
import { createApi } from "../../../lib/functions/create-api.ts";
import { createEnqueue } from "../../../lib/functions/create-enqueue.ts";
import { enqueue } from "../../../lib/index.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { pauseQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { rescheduleJob } from "../../../lib/queue/manage/reschedule-job.ts";
import { retryJob } from "../../../lib/queue/manage/retry-job.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, setup as setUp, type Setup, unlimited } from "../../support/queue.ts";

const database = await createTestDatabase();
const setup = () => setUp({ database });

const store = async (s: Setup, seconds: number, more: object = {}): Promise<string> => {
  const [stored] = await enqueueJobs(s.deps, [{ type: "plain", payload: {}, startBefore: s.at(seconds), ...more }]);
  return stored!.job.id;
};

const TOO_LATE = (s: Setup, seconds: number) => ({
  name: "TooLate",
  message: `it was to start before ${s.at(seconds).toISOString()}`,
});

describe("a job whose start_before has passed", () => {
  it("is cancelled by the claim that comes to it, which says that there may be more, and takes the others", async () => {
    const s = await setup();
    const late = [await store(s, 10), await store(s, 10, { uniqueKey: "k" })];
    const good = await store(s, 100);
    s.moveTo(10);
    expect(await s.queue.claim(2)).toMatchObject({ outcome: "empty", leases: [], more: true });
    for (const id of late)
      expect(await s.queue.get(id)).toMatchObject({
        state: "cancelled",
        attempt: 0,
        error: TOO_LATE(s, 10),
        attempts: [],
      });
    expect((await s.queue.claim()).leases).toMatchObject([{ jobs: 1 }]);
    expect(await s.queue.state(good)).toBe("leased");
    // Its key is free again.
    expect(await s.db.query("select 1 from forgeq.unique_key")).toEqual([]);
    expect(await s.db.query("select sum(jobs)::int as n from forgeq.metric_deltas where kind = 'c'")).toEqual([
      { n: 2 },
    ]);
  });

  it("is cancelled by a worker's take, in which the others come", async () => {
    const s = await setup();
    await store(s, 10);
    const good = await store(s, 100);
    await store(s, 10);
    s.moveTo(20);
    const takes = [{ queue: "plain", claimId: uuidV7(), watermarks: null }];
    const common = {
      worker: uuidV7(),
      settles: [],
      types: ["plain"],
      invocation: "i",
      dueHorizonSeconds: null,
      at: s.at(20),
    };
    const taken = await settleAndTake(s.db, { ...common, takes, maxJobs: 10 });
    expect(taken.leases.flatMap((lease) => lease.jobs.map(({ id }) => id))).toEqual([good]);
    expect(taken.queues).toMatchObject([{ outcome: "claimed", more: true }]);
  });

  it("is not begun by the call that stores it", async () => {
    const s = await setup();
    const items = [{ id: uuidV7(), type: "plain", payload: {}, startBefore: s.at(-1) }];
    const input = { fresh: true, blockedTypes: [], dispatchSeconds: 90, at: s.at(0) };
    expect((await enqueueAndClaim(s.db, items, input)).leases).toEqual([]);
    expect(await s.queue.get(items[0]!.id)).toMatchObject({ state: "cancelled", error: TOO_LATE(s, -1) });
  });

  it("is cancelled where its retry waits, and keeps what its attempt failed with", async () => {
    const s = await setup();
    const id = await store(s, 5);
    await s.queue.settle(await s.queue.lease(), "retry", { error: { name: "Error", message: "no" }, delaySeconds: 10 });
    s.moveTo(10);
    await s.queue.claim();
    expect(await s.queue.get(id)).toMatchObject({
      ...{ state: "cancelled", attempt: 1, error: TOO_LATE(s, 5) },
      attempts: [{ outcome: "retry", error: { message: "no" } }],
    });
  });

  it("goes on where it runs", async () => {
    const s = await setup();
    const id = await store(s, 5);
    const held = await s.queue.lease();
    s.moveTo(10);
    await tick(s.deps, () => 60_000);
    await s.queue.settle(held, "completed");
    expect(await s.queue.state(id)).toBe("completed");
  });

  it("is cancelled by the tick where its queue is paused, or it is not due", async () => {
    const s = await setup();
    const [paused, later] = [await store(s, 5), await store(s, 50, { runAt: s.at(40) })];
    await pauseQueue(s.deps, "plain", {});
    await tick(s.deps, () => 60_000);
    expect(await s.queue.state(paused)).toBe("pending");
    s.moveTo(60);
    await tick(s.deps, () => 60_000);
    for (const id of [paused, later])
      expect(await s.queue.get(id)).toMatchObject({ state: "cancelled", error: { name: "TooLate" } });
  });

  it("takes no place of a limited queue, and counts as waiting no longer", async () => {
    const s = await setup();
    await s.db.query("update forgeq.queue set max_in_flight = 1, max_pending = 2");
    await store(s, 5);
    const good = await store(s, 100);
    s.moveTo(10);
    await s.queue.claim(1);
    expect((await s.queue.claim(5)).leases).toMatchObject([{ jobs: 1 }]);
    expect(await s.queue.state(good)).toBe("leased");
    // Two have room again.
    await store(s, 100);
    await store(s, 100);
    await expect(store(s, 100)).rejects.toMatchObject({ code: "queue_full" });
  });

  it("is not what the place for the oldest job goes to", async () => {
    const s = await setup();
    const old = await store(s, 5, { priority: 9 });
    s.moveTo(10);
    await s.queue.enqueue(30, { priority: 0 });
    const { leases } = await s.queue.claim(20);
    expect(await s.queue.state(old)).toBe("cancelled");
    expect(leases.reduce((sum, { jobs: n }) => sum + n, 0)).toBe(19);
  });

  it("starts all the same when somebody retries it, or moves it behind that instant", async () => {
    const s = await setup();
    const [retried, moved] = [await store(s, 5), await store(s, 50)];
    await rescheduleJob(s.deps, moved, { runAt: s.at(60) });
    s.moveTo(10);
    await s.queue.claim();
    await retryJob(s.deps, retried, { life: 1 });
    s.moveTo(70);
    await tick(s.deps, () => 60_000);
    expect((await s.queue.claim()).leases).toMatchObject([{ jobs: 2 }]);
  });
});

it("is an option over HTTP, shown while the job lives, and refused where it can't be", async () => {
  const s = await setup();
  const api = createApi(s.deps, ALL_SCOPES, () => Promise.resolve([plain]));
  const handler = createEnqueue(s.deps, ALL_SCOPES, [plain]);
  const post = (more: object) => send(handler, { path: "/jobs", body: { type: "plain", payload: {}, ...more } });
  const start_before = s.at(60).toISOString();
  const { status, body } = await post({ start_before });
  expect({ status, body }).toMatchObject({ status: 201, body: { start_before } });
  expect(await send(api, { path: `/jobs/${body.id}` })).toMatchObject({ body: { start_before } });
  for (const more of [
    { start_before: "soon" },
    { start_before: 5 },
    { start_before, run_at: start_before },
    { start_before, run_at: s.at(90).toISOString() },
    { start_before, delay_seconds: 60 },
  ])
    expect(await post(more)).toMatchObject({ status: 422, body: { errors: [{ pointer: "/start_before" }] } });
  const jobsOf = [
    { type: "plain", payload: {} },
    { type: "plain", payload: {}, start_before, delay_seconds: 90 },
  ];
  expect(await send(handler, { path: "/jobs/batch", body: { jobs: jobsOf } })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: "/jobs/1/start_before" }] },
  });
  expect(await s.db.query("select count(*)::int as n from forgeq.job")).toEqual([{ n: 1 }]);
});

it("is an option of the package, of SQL and of the command line", { timeout: 60_000 }, async () => {
  const s = await setUp({ realClock: true, jobs: [...jobs, plain], queues: [...queues, unlimited] });
  const soon = new Date(Date.now() + 3_600_000);
  const { id } = await s.db.transaction((tx) => enqueue(tx as never, plain, {}, { startBefore: soon }));
  expect(await s.queue.get(id)).toMatchObject({ startBefore: soon });
  for (const options of [
    { startBefore: "soon" as never },
    { startBefore: new Date(NaN) },
    { startBefore: soon, runAt: soon },
  ])
    await expect(s.db.transaction((tx) => enqueue(tx as never, plain, {}, options))).rejects.toMatchObject({
      code: "invalid_job",
      details: { errors: [{ pointer: "/startBefore" }] },
    });

  const inSql = "select job_id from forgeq.enqueue('plain', '{}', start_before => $1)";
  const [row] = await s.db.query<{ job_id: string }>(inSql, [soon]);
  expect(await s.db.query("select start_before from forgeq.jobs where id = $1", [row!.job_id])).toEqual([
    { start_before: soon },
  ]);
  for (const bad of ["infinity", "-infinity"])
    await expect(s.db.query(inSql, [bad])).rejects.toMatchObject({ code: "FQ003" });
  await expect(
    s.db.query("select forgeq.enqueue('plain', '{}', delay_seconds => 7200, start_before => $1)", [soon]),
  ).rejects.toMatchObject({ code: "FQ003" });

  const run = (...args: string[]) =>
    forgeq(["enqueue", "--type", "send_email", "--payload", '{"email":"a@example.com"}', ...args], {
      env: { DATABASE_URL: s.url },
    });
  expect(await run("--start-before", "soon")).toMatchObject({ code: 2 });
  const { code, stdout } = await run("--start-before", soon.toISOString());
  expect(code).toBe(0);
  expect(await s.queue.get(stdout.trim())).toMatchObject({ startBefore: soon });
});
