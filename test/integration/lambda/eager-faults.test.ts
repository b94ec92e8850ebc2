import { describe, expect, it, onTestFinished } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { answeringWith, DISPATCHER, eagerly, HANDLER, JOB, setupEager, single } from "../../support/lambda/eager.ts";
import { startProxy } from "../../support/database/proxy.ts";
import type { Setup } from "../../support/queue.ts";

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
    proxy.loseAnswers("enqueue_and_claim", 2);
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

  it("several times concurrently stores one job and makes one lease", async () => {
    const s = await setupEager();
    const job = { ...JOB, id: uuidV7() };
    const answers = await Promise.all(Array.from({ length: 6 }, () => enqueueJobs({ ...s.deps }, [job])));
    expect(answers.filter(([answer]) => answer!.created)).toHaveLength(1);
    expect(await s.leases()).toMatchObject([{ jobs: 1 }]);
  });
});

describe("an invoke", () => {
  it("that is throttled gives the lease back uncounted, wakes a dispatcher, and is not tried again immediately", async () => {
    const { invoker, asked } = answeringWith("throttled");
    const s = await setupEager({ invoker, jobs: [single] });
    const [enqueued] = await enqueueJobs(s.deps, [JOB]);

    expect(asked).toEqual([HANDLER, DISPATCHER]);
    expect(await s.queue.get(enqueued!.job.id)).toMatchObject({ state: "pending", attempt: 0 });
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
      state: "pending",
      attempt: 0,
      attempts: [{ outcome: "undispatched" }],
    });
  });

  it("whose answer is unknown leaves the lease to whoever begins it", async () => {
    const { invoker, asked } = answeringWith("ambiguous");
    const s = await setupEager({ invoker });
    const [enqueued] = await enqueueJobs(s.deps, [JOB]);
    expect(asked).toEqual([HANDLER, HANDLER]);
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
