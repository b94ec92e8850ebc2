import { describe, expect, it } from "vitest";
import { enqueueJobs, enqueueJobsIn } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { declareQueue } from "../../../lib/db/reads/queues.ts";
import { DISPATCHER, HANDLER, JOB, limitedTo, setupEager, single } from "../../support/lambda/eager.ts";
import { miscounted, strays } from "../../support/queue.ts";

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
    await declareQueue(s.db, "other", { types: ["plain"] });
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

describe("many concurrently", () => {
  /** Callers that share no statement: each is a process of its own. */
  const atOnce = (s: Awaited<ReturnType<typeof setupEager>>, callers: number) =>
    Promise.all(Array.from({ length: callers }, () => enqueueJobs({ ...s.deps }, [JOB])));

  it("never take more slots than a limit allows, concurrently with claims", async () => {
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
