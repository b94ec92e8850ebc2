import { describe, expect, it, onTestFinished } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { enqueueAndBegin } from "../../../lib/db/protocol/enqueue.ts";
import { recover } from "../../../lib/db/protocol/leases.ts";
import { declareQueue } from "../../../lib/db/reads/queues.ts";
import { JOB, setupLocalStart } from "../../support/worker/local-start.ts";
import { miscounted, plain, setup, strays } from "../../support/queue.ts";
import { narrow, until } from "../../support/worker/worker.ts";

const limitedTo = (maxInFlight: number) => [defineQueue({ name: "plain", maxInFlight })];

describe("a job that is enqueued where a worker has capacity for it", () => {
  it("is stored begun and run immediately: two statements with its outcome", async () => {
    const s = await setupLocalStart();
    const [enqueued] = await s.enqueue({ ...JOB, metadata: { of: "test" }, maxAttempts: 3, priority: 2 });
    const { job } = enqueued!;

    expect(enqueued).toMatchObject({ created: true, job: { state: "running", attempt: 1, queue: "plain" } });
    await s.settled(1);
    expect(s.ran).toEqual([job.id]);
    expect(s.statements).toEqual(["local_start", "settle_and_take"]);
    expect(await s.queue.get(job.id)).toMatchObject({
      state: "completed",
      attempt: 1,
      maxAttempts: 3,
      priority: 2,
      metadata: { of: "test" },
      payload: JOB.payload,
      startedAt: job.startedAt,
    });
    expect([await strays(s.db), await miscounted(s.db)]).toEqual([0, 0]);
  });

  it("is shown as running, as the caller was told", async () => {
    const end = Promise.withResolvers<void>();
    const works: Promise<void>[] = [Promise.resolve(), end.promise];
    const s = await setupLocalStart({ work: () => works.shift() ?? Promise.resolve() });
    const [enqueued] = await s.enqueue(JOB);
    const { payload: _, attempts: __, ...shown } = await s.queue.get(enqueued!.job.id);
    expect(shown).toEqual(enqueued!.job);
    end.resolve();
    await s.settled(1);
  });

  it("gets its payload and metadata as Postgres holds them, not as the caller's own objects", async () => {
    const got: unknown[] = [];
    const s = await setupLocalStart({ work: async (payload, job) => void got.push([payload, job.metadata]) });
    const payload = { n: 1, list: [{ deep: true }], at: new Date(0) };
    await s.enqueue({ ...JOB, payload, metadata: { at: new Date(0), not: () => 1 } });
    await s.settled(1);
    const at = "1970-01-01T00:00:00.000Z";
    expect(got.at(-1)).toEqual([{ n: 1, list: [{ deep: true }], at }, { at }]);
  });

  it("shares a lease with those of the same call", async () => {
    const s = await setupLocalStart();
    const stored = await s.enqueue(JOB, { ...JOB, priority: 2, metadata: { of: "test" } }, { ...JOB, maxAttempts: 9 });
    await s.settled(3);
    expect(s.statements).toEqual(["local_start", "settle_and_take"]);
    const said = { priority: 5, maxAttempts: 3, metadata: {} };
    const own = [said, { ...said, priority: 2, metadata: { of: "test" } }, { ...said, maxAttempts: 9 }];
    expect(stored.map(({ job }) => job)).toMatchObject(own);
    expect(await Promise.all(stored.map(({ job }) => s.queue.get(job.id)))).toMatchObject(own);
    expect(await s.db.query("select jobs from forgeq.lease_closed order by jobs")).toEqual([{ jobs: 1 }, { jobs: 3 }]);
  });

  it("may come from a job, which it does not keep from ending", async () => {
    const children: string[] = [];
    const s = await setupLocalStart({
      work: async (payload, job) => {
        if (payload["parent"] === true) children.push(await job.enqueue(plain, { n: 2 }));
      },
    });
    await s.enqueue({ ...JOB, payload: { parent: true } });
    await s.settled(2);
    expect(s.ran).toHaveLength(2);
    expect(await s.queue.get(children[0]!)).toMatchObject({ state: "completed", payload: { n: 2 } });
    expect(s.statements.filter((name) => name === "local_start")).toHaveLength(2);
    expect(s.statements).not.toContain("enqueue");
  });

  it("shares a statement with what other jobs enqueue in the same turn", async () => {
    const s = await setupLocalStart({
      work: async (payload, job) => {
        if (payload["parent"] === true) await job.enqueue(plain, { n: 2 });
      },
    });
    const parent = { ...JOB, payload: { parent: true } };
    await s.enqueue(parent, parent, parent);
    await s.settled(6);
    expect(s.statements.filter((name) => name === "local_start")).toHaveLength(2);
    expect(await s.db.query("select jobs from forgeq.lease_closed where jobs = 3")).toHaveLength(2);
  });

  it("finds capacity while a take is under way", async () => {
    const s = await setupLocalStart({ worker: { concurrency: 40 } });
    const during = async (jobs: number) => {
      s.statements.length = 0;
      s.worker.hint(0, "plain");
      await s.enqueue(JOB);
      const sent = s.statements.slice(0, 2);
      s.worker.hint(0, "plain");
      await s.settled(jobs);
      return sent;
    };
    // The first one finds that the look has taken it all.
    expect(await during(1)).toEqual(["settle_and_take", "enqueue"]);
    expect(await during(2)).toEqual(["settle_and_take", "local_start"]);
  });

  it("is counted as enqueued and as in flight, like any other", async () => {
    const end = Promise.withResolvers<void>();
    const works: Promise<void>[] = [Promise.resolve(), end.promise];
    const s = await setupLocalStart({ queues: limitedTo(1), work: () => works.shift() ?? Promise.resolve() });
    await s.enqueue(JOB);
    expect(await s.db.query("select forgeq.has_capacity('plain', 1) is not null as free")).toEqual([{ free: false }]);
    const counted = () =>
      s.db.query("select name, value::int from forgeq.metric_now where name in ('enqueued', 'started') order by name");
    const both = [
      { name: "enqueued", value: 2 },
      { name: "started", value: 2 },
    ];
    expect(await counted()).toEqual(both);
    end.resolve();
    await s.settled(1);
    expect(await counted()).toEqual(both);
    for (let folds = 0; folds < 2; folds += 1) await s.db.query("select forgeq.metric_fold()");
    expect(await counted()).toEqual(both);
  });

  it("stays counted as enqueued, once, when its worker is lost and others run it again", async () => {
    const s = await setup({ realClock: true });
    const items = [1, 2, 3].map((n) => ({ id: uuidV7(), type: "plain", payload: { n } }));
    const worker = { queue: "plain", worker: uuidV7(), invocation: "test", at: null };
    expect(await enqueueAndBegin(s.db, items, worker)).toMatchObject({ lease: { jobs: [{}, {}, {}] } });
    await s.db.query("update forgeq.lease set expires_at = now() - interval '1 second'");
    await recover(s.db, 100, null);
    await s.db.query("update forgeq.job set run_at = now()");
    await s.queue.settle(await s.queue.lease(), "completed");
    for (let folds = 0; folds < 2; folds += 1) await s.db.query("select forgeq.metric_fold()");
    expect(
      await s.db.query(
        `select name, value::int from forgeq.metric_now where name in ('enqueued', 'started', 'ended_lease_expired', 'ended_completed', 'retried')
         order by name`,
      ),
    ).toEqual([
      { name: "ended_completed", value: 3 },
      { name: "ended_lease_expired", value: 3 },
      { name: "enqueued", value: 3 },
      { name: "started", value: 6 },
    ]);
  });
});

describe("is left to whoever claims it", () => {
  const expectLeft = async (s: Awaited<ReturnType<typeof setupLocalStart>>, statement: string, state = "pending") => {
    expect(s.statements).toEqual([statement]);
    expect(s.ran).toEqual([]);
    const rows = await s.db.query<{ id: string }>("select id from forgeq.job");
    expect(rows.length).toBeGreaterThan(0);
    for (const { id } of rows) expect((await s.queue.get(id)).state).toBe(state);
    expect(await s.db.query("select from forgeq.lease")).toEqual([]);
  };

  it.each([
    ["that is due later", { ...JOB, delaySeconds: 60 }, "scheduled"],
    ["with an instant to run at", { ...JOB, runAt: new Date(Date.now() + 60_000) }, "scheduled"],
    ["with a unique key", { ...JOB, uniqueKey: "one" }, "pending"],
    ["with an id of the caller's", { ...JOB, id: uuidV7() }, "pending"],
    ["of a queue that the worker does not work", { ...JOB, queue: "other" }, "pending"],
  ])("a job %s", async (_, job, state) => {
    const s = await setupLocalStart();
    await declareQueue(s.db, "other", { types: ["plain"] });
    await s.enqueue(job);
    await expectLeft(s, "enqueue", state);
  });

  it("a call that stores more than ten jobs, or jobs of several types", async () => {
    const s = await setupLocalStart();
    await s.enqueue(...Array<typeof JOB>(11).fill(JOB));
    await expectLeft(s, "enqueue");
    s.statements.length = 0;
    await s.enqueue(JOB, { type: "narrow", payload: {} });
    await expectLeft(s, "enqueue");
  });

  it("several jobs of a type whose leases have one job each", async () => {
    const single = { ...plain, batchSize: 1, concurrency: 1 };
    const s = await setupLocalStart({ jobs: [single, narrow] });
    await s.enqueue(JOB, JOB);
    await expectLeft(s, "local_start");
  });

  it("a job of a queue that is paused, or full", async () => {
    const s = await setupLocalStart({ queues: limitedTo(1) });
    await s.db.query("update forgeq.queue set paused = true where name = 'plain'");
    await s.enqueue(JOB);
    await expectLeft(s, "local_start");
    await s.db.query("update forgeq.queue set paused = false where name = 'plain'");
    await s.queue.lease(1);
    await s.enqueue(JOB);
    expect(s.ran).toEqual([]);
    expect(await miscounted(s.db)).toBe(0);
  });

  it("a job of a queue that somebody else is claiming from", async () => {
    const s = await setupLocalStart({ queues: limitedTo(5) });
    const other = await connectDb({ url: s.url });
    onTestFinished(() => other.close());
    await other.transaction(async (tx) => {
      await tx.query("select from forgeq.queue where name = 'plain' for no key update");
      await s.enqueue(JOB);
    });
    await expectLeft(s, "local_start");
  });

  it("a job of a queue of which others are known to wait", async () => {
    const end = Promise.withResolvers<void>();
    const works: Promise<void>[] = [Promise.resolve(), end.promise];
    const s = await setupLocalStart({ worker: { concurrency: 1 }, work: () => works.shift() ?? Promise.resolve() });
    await s.enqueue(JOB);
    s.worker.hint(0, "plain");
    s.statements.length = 0;
    await s.enqueue(JOB);
    expect(s.statements).toEqual(["enqueue"]);
    end.resolve();
    await s.settled(2);
  });

  it("a job of a type that the database puts into another queue", async () => {
    const s = await setupLocalStart();
    await s.db.query("insert into forgeq.queue (name) values ('elsewhere')");
    await s.db.query("update forgeq.job_type set queue = 'elsewhere' where type = 'plain'");
    await s.enqueue(JOB);
    await expectLeft(s, "local_start");
  });

  it("a job when the worker is stopping", async () => {
    const s = await setupLocalStart();
    expect(await s.worker.stop(1_000)).toBe(true);
    await s.enqueue(JOB);
    await expectLeft(s, "enqueue");
  });
});

it("finds its lease when it is sent again, and runs the job once", async () => {
  const s = await setupLocalStart();
  s.proxy.loseAnswers("local_start", 2);
  const [enqueued] = await s.enqueue({ ...JOB, maxAttempts: 4 });
  expect(s.proxy.lost()).toBe(2);
  expect(enqueued).toMatchObject({ created: true });
  await s.settled(1);
  expect(s.ran).toEqual([enqueued!.job.id]);
  expect(await s.queue.get(enqueued!.job.id)).toMatchObject({ state: "completed", attempt: 1, maxAttempts: 4 });
});

it("gives the capacity back when the jobs can't be stored", async () => {
  const s = await setupLocalStart({ worker: { concurrency: 1 } });
  await s.db.query("alter table forgeq.job add constraint refused check (payload::text <> '{}')");
  await expect(s.enqueue({ ...JOB, payload: {} })).rejects.toMatchObject({ code: "invalid_job" });
  await s.enqueue(JOB);
  await s.settled(1);
  expect(await s.worker.stop(1_000)).toBe(true);
});

it("never holds more than a queue's limit, whoever enqueues and claims", async () => {
  const s = await setupLocalStart({ queues: limitedTo(3), worker: { concurrency: 50 }, timers: true });
  let most = 0;
  let done = false;
  const watch = async () => {
    while (!done) {
      const [row] = await s.db.query<{ n: number }>("select coalesce(sum(open_jobs), 0)::int as n from forgeq.lease");
      most = Math.max(most, row!.n);
    }
  };
  const watching = watch();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let n = 0; n < 10; n += 1) await s.enqueue(JOB);
    }),
  );
  s.worker.hint(0, "plain");
  await until(async () => {
    s.worker.hint(0, "plain");
    return s.worker.settled.get("completed") === 81;
  });
  done = true;
  await watching;
  expect(most).toBeLessThanOrEqual(3);
  expect(most).toBeGreaterThan(0);
  expect([await strays(s.db), await miscounted(s.db)]).toEqual([0, 0]);
});
