import { describe, expect, it, onTestFinished } from "vitest";
import { defineQueue } from "../../lib/core/define.ts";
import type { JobDefinition } from "../../lib/core/job.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import type { Db } from "../../lib/db/client.ts";
import { connectDb } from "../../lib/db/connect.ts";
import type { Deps, InvokeOutcome } from "../../lib/queue/deps.ts";
import { enqueueJobs, enqueueJobsIn } from "../../lib/queue/enqueue.ts";
import { runLease } from "../../lib/queue/run-lease.ts";
import { tick } from "../../lib/queue/tick.ts";
import { startProxy } from "../support/proxy.ts";
import { miscounted, plain, setup, type Setup, type SetupOptions, strays } from "../support/queue.ts";

const DISPATCHER = "forgeq-test-dispatcher";
const HANDLER = "forgeq-test-handler-plain";
const single: JobDefinition = { ...plain, batchSize: 1, concurrency: 1 };
const JOB = { type: "plain", payload: { n: 1 } };

const limitedTo = (maxInFlight: number) => [defineQueue({ name: "plain", maxInFlight })];

const eagerly = (s: Setup, db: Db = s.db): Deps => ({ ...s.deps, db, config: { ...s.deps.config, eager: true } });

/** An invoker that answers as it is told, and what it was asked. */
const answeringWith = (...outcomes: InvokeOutcome[]) => {
  const asked: string[] = [];
  const invoke = (functionName: string) => {
    asked.push(functionName);
    const outcome = functionName === DISPATCHER ? "accepted" : (outcomes.shift() ?? "accepted");
    return Promise.resolve({ outcome });
  };
  return { invoker: { invoke }, asked };
};

const setupEager = async (options: SetupOptions = {}) => {
  const s = await setup(options);
  const statements: string[] = [];
  const query: Db["query"] = (text, params) => {
    statements.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
    return s.db.query(text, params);
  };
  const deps = eagerly(s, { ...s.db, query });
  const run = (event: unknown) =>
    runLease(deps, plain, () => Promise.resolve(null), {
      leaseId: (event as { lease_id: string }).lease_id,
      invocation: "request",
      remainingMs: () => 60_000,
    });
  const invoked = () => s.invocations.map(({ functionName }) => functionName);
  const leases = () =>
    s.db.query<{ id: string; jobs: number }>("select id, open_jobs as jobs from forgeq.lease order by id");
  return { ...s, deps, statements, run, invoked, leases };
};

describe("a job that is enqueued into free capacity", () => {
  it("is born leased, and its handler is invoked by who enqueued it: one statement, no dispatcher", async () => {
    const s = await setupEager();
    const [enqueued] = await enqueueJobs(s.deps, [JOB]);

    expect(enqueued).toMatchObject({ created: true, job: { state: "leased", attempt: 1, queue: "plain" } });
    expect(s.statements).toEqual(["enqueue_and_claim"]);
    expect(s.invoked()).toEqual([HANDLER]);
    const { job } = enqueued!;
    const { payload: _, attempts: __, ...shown } = await s.queue.get(job.id);
    expect(shown).toEqual(job);

    expect(await s.run(s.invocations[0]!.event)).toMatchObject({ outcome: "ran", jobs: 1 });
    expect(await s.queue.state(job.id)).toBe("completed");
    expect(s.statements).toEqual(["enqueue_and_claim", "begin", "settle"]);
    expect(s.invoked()).toEqual([HANDLER]);
  });

  it("shares its lease with those that one call stores", async () => {
    const s = await setupEager();
    await enqueueJobs(s.deps, [JOB, JOB, JOB]);
    expect(s.invoked()).toEqual([HANDLER]);
    expect(await s.run(s.invocations[0]!.event)).toMatchObject({ settled: { completed: 3 } });
  });

  it("holds a place of its queue's limit, exactly as a claim counts it", async () => {
    const s = await setupEager({ jobs: [single], queues: limitedTo(2) });
    for (let n = 0; n < 4; n += 1) await enqueueJobs(s.deps, [JOB]);
    expect(s.invoked()).toEqual([HANDLER, HANDLER, DISPATCHER]);
    expect(await s.queue.claim()).toMatchObject({ outcome: "full" });

    await s.run(s.invocations[0]!.event);
    expect((await s.queue.claim()).leases).toMatchObject([{ jobs: 1 }]);
    expect(await s.queue.claim()).toMatchObject({ outcome: "full" });
  });
});

describe("is left to the dispatcher", () => {
  const expectDispatched = (s: Awaited<ReturnType<typeof setupEager>>) => {
    expect(s.invoked().filter((name) => name === HANDLER)).toEqual([]);
    expect(s.invoked()).toContain(DISPATCHER);
  };

  it("a job where that is not asked for", async () => {
    const s = await setupEager();
    await enqueueJobs({ ...s.deps, config: { ...s.deps.config, eager: false } }, [JOB]);
    expectDispatched(s);
    expect(s.statements).toContain("enqueue");
  });

  it("a job that is due later", async () => {
    const s = await setupEager();
    const [enqueued] = await enqueueJobs(s.deps, [{ ...JOB, delaySeconds: 30 }]);
    expect(enqueued!.job.state).toBe("scheduled");
    expectDispatched(s);
  });

  it("a call that stores more than ten jobs", async () => {
    const s = await setupEager();
    await enqueueJobs(s.deps, Array<typeof JOB>(11).fill(JOB));
    expectDispatched(s);
  });

  it("a call that stores jobs of several queues", async () => {
    const s = await setupEager();
    await enqueueJobs(s.deps, [JOB, { ...JOB, queue: "other" }]);
    expectDispatched(s);
    expect(await s.leases()).toEqual([]);
  });

  it("a job of a queue that is full", async () => {
    const s = await setupEager({ jobs: [single], queues: limitedTo(1) });
    await s.queue.enqueue();
    await s.queue.lease();
    await enqueueJobs(s.deps, [JOB]);
    expectDispatched(s);
  });

  it("a job of a queue from which somebody else is claiming", async () => {
    const s = await setupEager({ jobs: [single], queues: limitedTo(5) });
    await s.db.transaction(async (tx) => {
      await tx.query("select from forgeq.queue for no key update");
      await enqueueJobs(s.deps, [JOB]);
    });
    expectDispatched(s);
  });

  it("a job of a type with batches while its queue has one in flight: a burst costs one invocation more", async () => {
    const s = await setupEager();
    for (let n = 0; n < 20; n += 1) await enqueueJobs(s.deps, [JOB]);
    expect(s.invoked()).toEqual([HANDLER, DISPATCHER]);
    expect((await s.queue.claim()).leases.map(({ jobs }) => jobs)).toEqual([10, 9]);
  });

  it("a job inside a caller's transaction", async () => {
    const s = await setupEager();
    await s.db.transaction((tx) => enqueueJobsIn(tx, [JOB], s.at(0)));
    expect(s.invoked()).toEqual([]);
    expect(await s.leases()).toEqual([]);
  });
});

it("hands nothing over in a paused queue, and wakes as ever", async () => {
  const s = await setupEager();
  await s.db.query("update forgeq.queue set paused = true");
  const [enqueued] = await enqueueJobs(s.deps, [JOB]);
  expect(enqueued!.job.state).toBe("pending");
  expect(await s.leases()).toEqual([]);
});

it("gives the place to the job that comes first in the queue, and the new one to the dispatcher", async () => {
  const s = await setupEager({ jobs: [single] });
  const [first] = await s.queue.enqueue(1, { priority: 4 });
  const [enqueued] = await enqueueJobs(s.deps, [JOB]);

  expect(enqueued!.job.state).toBe("pending");
  expect(await s.queue.state(first!)).toBe("leased");
  expect(s.invoked().sort()).toEqual([DISPATCHER, HANDLER]);
});

describe("many at once", () => {
  /** Callers that share no statement: each is a process of its own. */
  const atOnce = (s: Awaited<ReturnType<typeof setupEager>>, callers: number) =>
    Promise.all(Array.from({ length: callers }, () => enqueueJobs({ ...s.deps }, [JOB])));

  it("never take more places than a limit allows, beside claims", async () => {
    const s = await setupEager({ jobs: [single], queues: limitedTo(5) });
    const claims = Array.from({ length: 10 }, () => s.queue.claim(2));
    await Promise.all([atOnce(s, 30), ...claims]);

    const [row] = await s.db.query<{ held: number; jobs: number }>(
      "select (select sum(open_jobs)::int from forgeq.lease) as held, (select count(*)::int from forgeq.job) as jobs",
    );
    expect(row!.jobs).toBe(30);
    expect(row!.held).toBeLessThanOrEqual(5);
    expect(await strays(s.db)).toBe(0);
    expect(await miscounted(s.db)).toBe(0);
    // Each lease that this made was sent, once.
    const sent = s.invocations.filter(({ functionName }) => functionName === HANDLER);
    expect(new Set(sent.map(({ event }) => (event as { lease_id: string }).lease_id)).size).toBe(sent.length);
  });

  it("make one lease, of a type with batches", async () => {
    const s = await setupEager();
    await atOnce(s, 30);
    expect(await s.leases()).toHaveLength(1);
    expect(s.invoked().filter((name) => name === HANDLER)).toHaveLength(1);
  });
});

describe("a call that is sent again", () => {
  const throughProxy = async (s: Setup) => {
    const proxy = await startProxy(Number(new URL(s.url).port));
    const lossy = await connectDb({ url: proxy.through(s.url) });
    onTestFinished(() => lossy.close());
    return { proxy, lossy };
  };

  it("after its answer was lost finds its job and its lease, and invokes", async () => {
    const s = await setupEager();
    const { proxy, lossy } = await throughProxy(s);
    proxy.loseAnswers("forgeq:enqueue_and_claim", 2);
    const [enqueued] = await enqueueJobs(eagerly(s, lossy), [JOB]);

    expect(proxy.lost()).toBe(2);
    expect(enqueued).toMatchObject({ created: true, job: { state: "leased" } });
    expect(await s.leases()).toMatchObject([{ jobs: 1 }]);
    expect(s.invoked()).toEqual([HANDLER]);
  });

  it("by a client whose first request ended in the dark, invokes the same lease, which begins once", async () => {
    const s = await setupEager();
    const job = { ...JOB, id: uuidV7() };
    await enqueueJobs(s.deps, [job]);
    const [again] = await enqueueJobs(s.deps, [job]);
    expect(again).toMatchObject({ created: false, job: { state: "leased" } });
    expect(s.invoked()).toEqual([HANDLER, HANDLER]);

    const reports = [];
    for (const { event } of s.invocations) reports.push((await s.run(event)).outcome);
    expect(reports).toEqual(["ran", "lease_lost"]);
    await enqueueJobs(s.deps, [job]);
    expect(s.invoked()).toHaveLength(2);
  });

  it("several times at once stores one job and makes one lease", async () => {
    const s = await setupEager();
    const job = { ...JOB, id: uuidV7() };
    const answers = await Promise.all(Array.from({ length: 6 }, () => enqueueJobs({ ...s.deps }, [job])));
    expect(answers.filter(([answer]) => answer!.created)).toHaveLength(1);
    expect(await s.leases()).toMatchObject([{ jobs: 1 }]);
  });
});

describe("an invoke", () => {
  it("that is throttled gives the lease back uncounted, wakes a dispatcher, and is not tried again at once", async () => {
    const { invoker, asked } = answeringWith("throttled");
    const s = await setupEager({ invoker, jobs: [single] });
    const [enqueued] = await enqueueJobs(s.deps, [JOB]);

    expect(asked).toEqual([HANDLER, DISPATCHER]);
    expect(await s.queue.get(enqueued!.job.id)).toMatchObject({ state: "scheduled", attempt: 0 });
    const [row] = await s.db.query<{ dispatches: number }>("select dispatches from forgeq.job");
    expect(row!.dispatches).toBe(0);
    await enqueueJobs(s.deps, [JOB]);
    expect(asked.filter((name) => name === HANDLER)).toHaveLength(1);
  });

  it("that is refused counts as a dispatch", async () => {
    const { invoker, asked } = answeringWith("refused");
    const s = await setupEager({ invoker });
    const [enqueued] = await enqueueJobs(s.deps, [JOB]);
    expect(asked).toEqual([HANDLER, DISPATCHER]);
    expect(await s.queue.get(enqueued!.job.id)).toMatchObject({
      state: "scheduled",
      attempt: 0,
      attempts: [{ outcome: "undispatched" }],
    });
  });

  it("whose answer is unknown leaves the lease to whoever begins it", async () => {
    const { invoker, asked } = answeringWith("ambiguous");
    const s = await setupEager({ invoker });
    const [enqueued] = await enqueueJobs(s.deps, [JOB]);
    expect(asked).toEqual([HANDLER]);
    expect(await s.queue.state(enqueued!.job.id)).toBe("leased");
  });

  it("that was never made, because the process ended before, is recovered when the lease expires", async () => {
    const never = { invoke: () => new Promise<never>(() => undefined) };
    const s = await setupEager({ invoker: never });
    void enqueueJobs(s.deps, [JOB]);
    await expect.poll(async () => (await s.leases()).length).toBe(1);

    const later = { ...s.deps, invoker: s.deps.invoker, config: { ...s.deps.config, dispatcherFunction: null } };
    s.moveTo(89);
    await tick(later, () => 60_000);
    expect(await s.leases()).toHaveLength(1);
    s.moveTo(91);
    await tick(later, () => 60_000);
    expect(await s.leases()).toEqual([]);
    s.moveTo(93);
    expect((await s.queue.claim()).leases).toMatchObject([{ jobs: 1 }]);
    const [row] = await s.db.query<{ attempt: number }>("select attempt from forgeq.job");
    expect(row!.attempt).toBe(1);
  });
});
