import { describe, expect, it, onTestFinished } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { offerCapacity } from "../../../lib/db/protocol/capacity-offer.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { JOB } from "../../support/worker/local-start.ts";
import { setupPushes } from "../../support/worker/push.ts";
import { miscounted, plain, strays, unlimited } from "../../support/queue.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { narrow, until } from "../../support/worker/worker.ts";

/** Work that runs until it is told to end. */
const held = () => {
  const end = Promise.withResolvers<void>();
  const ran: string[] = [];
  const work = async (_: unknown, job: { readonly id: string }): Promise<void> => {
    ran.push(job.id);
    await end.promise;
  };
  return { work, ran, end: () => end.resolve() };
};
const attemptsOf = async (db: { query: <Row>(text: string) => Promise<Row[]> }) =>
  (
    await db.query<{ attempt: number }>("select distinct attempt::int as attempt from forgeq.job_history order by 1")
  ).map(({ attempt }) => attempt);

describe("a job that is enqueued while a listening worker has capacity", () => {
  it("is pushed with the commit that stores it: two statements with its outcome", async () => {
    const s = await setupPushes();
    const got: unknown[] = [];
    const { worker } = await s.startStill(async (payload, job) => {
      got.push({ payload, metadata: job.metadata, attempt: job.attempt, maxAttempts: job.maxAttempts });
    });
    const payload = { n: 1, text: "lines\nof “text”, \\n and \u2028" };
    const [enqueued] = await s.enqueue({ ...JOB, payload, metadata: { of: "test" }, maxAttempts: 3, priority: 2 });

    expect(enqueued).toMatchObject({ created: true, job: { state: "running", attempt: 1, queue: "plain" } });
    await until(() => worker.settled.get("completed") === 1);
    expect(got).toEqual([{ payload, metadata: { of: "test" }, attempt: 1, maxAttempts: 3 }]);
    expect(s.sent).toEqual({ caller: ["enqueue"], workers: ["settle_and_take"] });
    expect(await s.queue.get(enqueued!.job.id)).toMatchObject({ state: "completed", attempt: 1, priority: 2, payload });
    expect([await strays(s.db), await miscounted(s.db)]).toEqual([0, 0]);
  });

  it("shares a lease with those of the same call, each with what is its own", async () => {
    const s = await setupPushes();
    const got: unknown[] = [];
    const { worker } = await s.startStill(async (payload, job) => void got.push([payload["n"], job.metadata]));
    await s.enqueue({ ...JOB, payload: { n: 1 } }, { ...JOB, payload: { n: 2 }, metadata: { of: "two" } });
    await until(() => worker.settled.get("completed") === 2);
    expect(got).toEqual([
      [1, {}],
      [2, { of: "two" }],
    ]);
    expect(s.sent).toEqual({ caller: ["enqueue"], workers: ["settle_and_take"] });
  });

  it("gives its trace and its depth to what it enqueues", async () => {
    const s = await setupPushes();
    const { worker } = await s.startOffering(async (payload, job) => {
      if (payload["n"] === 1) await job.enqueue(plain, { n: 2 });
    });
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await s.enqueue({ ...JOB, traceparent });
    await until(() => worker.settled.get("completed") === 2);
    expect(await s.db.query("select depth, traceparent from forgeq.job_history order by depth nulls first")).toEqual([
      { depth: null, traceparent },
      { depth: 1, traceparent },
    ]);
  });

  it("fails, and is tried again, like any other", async () => {
    const s = await setupPushes();
    const { worker } = await s.startOffering(() => Promise.reject(new Error("no")));
    const [enqueued] = await s.enqueue({ ...JOB, maxAttempts: 2 });
    await until(() => worker.settled.size > 0);
    expect(await s.queue.get(enqueued!.job.id)).toMatchObject({ state: "scheduled", attempt: 1 });
  });

  it("goes to each of several workers", async () => {
    const s = await setupPushes();
    const ran = new Set<number>();
    for (const n of [0, 1, 2]) await s.startOffering(async () => void ran.add(n));
    await until(async () => {
      await s.enqueue(JOB);
      return ran.size === 3;
    });
  });
});

describe("is not pushed, and run all the same:", () => {
  const cases = {
    "a job whose payload is too large for a notification": { payload: { text: "x".repeat(7_000) } },
    "a job of a queue that is paused": { queue: "paused" },
    "a job of a type of which a process runs few concurrently": { type: "narrow" },
    "a job that is due later": { delaySeconds: 0.05 },
    "a job with a unique key": { uniqueKey: "one" },
  };
  it.each(Object.entries(cases))("%s", async (_, job) => {
    const s = await setupPushes({ jobs: [plain, narrow], queues: [unlimited, defineQueue({ name: "paused" })] });
    await s.db.query("update forgeq.queue set paused = true, listed_types = '{plain}' where name = 'paused'");
    const { worker } = await s.startOffering(async () => undefined);
    const [enqueued] = await s.enqueue({ ...JOB, ...job });
    expect(enqueued!.job.state).not.toBe("running");
    await s.db.query("update forgeq.queue set paused = false");
    worker.hint(0);
    await until(() => worker.settled.get("completed") === 1);
  });

  it("a job above a queue's limit", async () => {
    const s = await setupPushes({ queues: [defineQueue({ name: "plain", maxInFlight: 1 })] });
    const { work, end, ran } = held();
    const { worker } = await s.startOffering(work);
    const [first] = await s.enqueue(JOB);
    const [second] = await s.enqueue(JOB);
    expect([first!.job.state, second!.job.state]).toEqual(["running", "pending"]);
    await until(() => ran.length === 1);
    end();
    await until(() => worker.settled.get("completed") === 2);
  });

  it("a job of a queue that the worker does not work", async () => {
    const s = await setupPushes();
    await syncDefinitions(s.db, [{ ...plain, queues: ["other"] }, narrow], [unlimited]);
    await s.startOffering(async () => undefined, { queues: ["plain"] });
    const { worker } = await s.startListening(async () => undefined, { queues: ["other"], concurrency: 1 });
    const [enqueued] = await s.enqueue({ ...JOB, queue: "other" });
    expect(enqueued!.job.state).toBe("pending");
    await until(() => worker.settled.get("completed") === 1);
  });

  it("a job for a worker that was killed, whose offer is still there", async () => {
    const s = await setupPushes();
    const dead = "0190a0b0-0000-7000-8000-000000000000";
    await offerCapacity(s.db, {
      worker: dead,
      offer: { queues: null, types: ["plain"], seconds: 60, channel: "forgeq_dead", key: "00" },
      invocation: "dead",
      at: null,
    });
    const [enqueued] = await s.enqueue(JOB);
    expect(enqueued!.job.state).toBe("pending");
  });

  it("a job while somebody else's transaction is about to tell", async () => {
    const s = await setupPushes();
    const { worker } = await s.startOffering(async () => undefined);
    const other = await connectDb({ url: s.url });
    onTestFinished(() => other.close());
    await other.transaction(async (tx) => {
      await tx.query("select forgeq.may_notify()");
      const [enqueued] = await s.enqueue(JOB);
      expect(enqueued!.job.state).toBe("pending");
      await until(() => worker.settled.get("completed") === 1);
    });
  });
});

it("looks at a worker that is gone without a lock that the next producer would take for the worker's own", async () => {
  const s = await setupPushes();
  const dead = uuidV7();
  const offer = { queues: null, types: ["plain"], seconds: 60, channel: "forgeq_dead", key: "00" };
  await offerCapacity(s.db, { worker: dead, offer, invocation: "dead", at: null });
  const locks = `select from pg_locks cross join forgeq.worker_lock($1::uuid, 3) as key
    where locktype = 'advisory' and classid::bigint = (key >> 32) & 4294967295 and objid::bigint = key & 4294967295`;
  await s.db.transaction(async (tx) => {
    const chosen = "select worker from forgeq.choose_worker('plain', null, 10, clock_timestamp())";
    expect(await tx.query(chosen)).toEqual([{ worker: null }]);
    expect(await s.db.query(locks, [dead])).toEqual([]);
  });
});

it("runs no more than its concurrency: a pushed job without a slot goes to another worker, no attempt counted", async () => {
  const s = await setupPushes();
  const { work, ran, end } = held();
  const { worker } = await s.startOffering(work, { concurrency: 4 });
  // More than it can run, before it can say so.
  for (let n = 0; n < 7; n += 1) await s.enqueue(JOB);
  await until(async () => !(await s.offered(worker)));
  expect(ran.length).toBe(4);
  const other = await s.startListening(async () => undefined);
  await until(() => other.worker.settled.get("completed") === 3);
  end();
  await until(async () => (await s.completed()) === 7);
  expect(await attemptsOf(s.db)).toEqual([1]);
  expect([await strays(s.db), await miscounted(s.db)]).toEqual([0, 0]);
});

it("withdraws its offer when it is half full, and offers again", async () => {
  const s = await setupPushes();
  const { work, ran, end } = held();
  const { worker } = await s.startOffering(work, { concurrency: 4 });
  for (let n = 0; n < 3; n += 1) await s.enqueue(JOB);
  await until(async () => ran.length === 3 && !(await s.offered(worker)));
  end();
  await until(() => s.offered(worker));
});

it("runs what is pushed to workers that come and go, and burns no attempt", async () => {
  const s = await setupPushes();
  let going = true;
  let enqueued = 0;
  const caller = async () => {
    // Fewer than a worker runs: behind a backlog nobody offers capacity.
    for (; going; await new Promise((resolve) => setTimeout(resolve, 2))) {
      const jobs = await s.enqueue(JOB);
      enqueued += jobs.length;
    }
  };
  const callers = [caller(), caller()];
  for (let n = 0; n < 12; n += 1) {
    const { worker, listener } = await s.startOffering(async () => undefined, { concurrency: 100 });
    await until(() => (worker.settled.get("completed") ?? 0) > 20);
    await listener.close();
    expect(await worker.stop(5_000)).toBe(true);
    expect(await s.db.query("select from forgeq.lease where begun_by = $1", [worker.id])).toEqual([]);
    expect(worker.describe().state).toMatchObject({ pushesFound: 0, pushesIgnored: 0, probesLost: 0 });
  }
  going = false;
  await Promise.all(callers);
  await s.startListening(async () => undefined);
  await until(async () => (await s.completed()) === enqueued);
  expect(await attemptsOf(s.db)).toEqual([1]);
  expect([await strays(s.db), await miscounted(s.db)]).toEqual([0, 0]);
});

it("is pushed jobs again once its connection is back", async () => {
  const s = await setupPushes();
  const { worker } = await s.startOffering(async () => undefined);
  await s.db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and query like '%worker_lock($1, 3)%' and pid <> pg_backend_pid()`,
  );
  await until(async () => (await s.enqueue(JOB))[0]!.job.state === "pending");
  await until(async () => (await s.enqueue(JOB))[0]!.job.state === "running");
  await until(async () => (await s.db.query("select from forgeq.job")).length === 0);
  expect(worker.settled.get("completed")).toBe(await s.completed());
});

it("sent again after its answer was lost, runs once", async () => {
  const s = await setupPushes();
  const ran: string[] = [];
  await s.startOffering(async (_, job) => void ran.push(job.id));
  const proxy = await startProxy(Number(new URL(s.url).port));
  const through = await connectDb({ url: proxy.through(s.url) });
  onTestFinished(() => through.close());
  proxy.loseAnswers("enqueue");
  const [enqueued] = await enqueueJobs({ ...s.caller, db: through }, [JOB]);
  await until(async () => (await s.completed()) === 1);
  expect([ran, proxy.lost()]).toEqual([[enqueued!.job.id], 1]);
});

it("takes no notice of what somebody else says on its channel", async () => {
  const s = await setupPushes();
  const { worker } = await s.startOffering(async () => undefined);
  const { channel } = worker.address;
  for (const said of ["", "{", "[]", '{"lease": 1}', '{"lease":"x","type":"unknown","queue":"q","seconds":1,"ids":[]}'])
    await s.db.query("select pg_notify($1, $2)", [channel, said]);
  await s.enqueue(JOB);
  await until(() => worker.settled.get("completed") === 1);
});
