import { expect, it } from "vitest";
import { listenForWorker } from "../../../lib/queue/worker/listen.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { cancelJob } from "../../../lib/queue/manage/cancel-job.ts";
import { realTime } from "../../../lib/queue/time.ts";
import { abortOf, run } from "../../support/lambda/run.ts";
import { plain, setup } from "../../support/queue.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

const NARROW = { type: "narrow", payload: {} };
/** As if more than a second had passed between any two looks at the time. */
const hurried = () => {
  let atMs = 0;
  return { ...realTime, elapsedMs: () => (atMs += 1_500) };
};

it("leaves the places of a worker that jobs only wait for to jobs of other types, and never runs more than it may", async () => {
  const s = await setupWorkers();
  const gate = Promise.withResolvers<void>();
  let [narrowNow, all, most] = [0, 0, 0];
  await enqueueJobs(
    s.deps,
    Array.from({ length: 4 }, () => NARROW),
  );
  const others = Promise.withResolvers<void>();
  const seen = new Set<string>();
  s.start(
    async (_, job) => {
      const type = (await s.queue.get(job.id)).type;
      all += 1;
      most = Math.max(most, all);
      if (type === "narrow") {
        narrowNow += 1;
        expect(narrowNow).toBe(1);
        await gate.promise;
        narrowNow -= 1;
      } else {
        seen.add(job.id);
        if (seen.size === 6) others.resolve();
      }
      all -= 1;
    },
    { concurrency: 4 },
  );
  await until(() => narrowNow === 1);
  await enqueueJobs(
    s.deps,
    Array.from({ length: 6 }, (_, n) => ({ type: "plain", payload: { n } })),
  );
  // Three of four places are free, however many jobs wait for the one that runs.
  await others.promise;
  gate.resolve();
  await until(async () => (await s.db.query("select from forgeq.job")).length === 0);
  expect(most).toBeLessThanOrEqual(4);
});

/** A worker that runs the first of two jobs of a lease until `go`, while the other one has been cancelled; and that the other one has not begun. */
const setupCancelled = async () => {
  const s = await setupWorkers();
  const jobs = await enqueueJobs(s.deps, [NARROW, NARROW]);
  const gate = Promise.withResolvers<void>();
  const began: string[] = [];
  s.start(
    async (_, job) => {
      began.push(job.id);
      await gate.promise;
    },
    {},
    { time: hurried() },
  );
  await until(() => began.length === 1);
  const waiting = jobs.map(({ job }) => job.id).find((id) => id !== began[0]) ?? "";
  expect(await cancelJob(s.deps, waiting)).toBe("requested");
  const expectNotBegun = async () => {
    await until(async () => (await s.db.query("select from forgeq.job")).length === 0);
    expect(began).toHaveLength(1);
    expect(await s.queue.get(waiting)).toMatchObject({ state: "cancelled", attempt: 0 });
  };
  return { ...s, go: gate.resolve, expectNotBegun };
};

it("does not begin a job that was cancelled while it waited for another one of its lease: in a worker", async () => {
  const s = await setupCancelled();
  s.go();
  await s.expectNotBegun();
});

it("does not begin a job that was cancelled while it waited, also where the lease is held for a moment", async () => {
  const s = await setupCancelled();
  await s.db.transaction(async (tx) => {
    await tx.query("select from forgeq.lease for update");
    s.go();
    await new Promise((resolve) => setTimeout(resolve, 60));
  });
  await s.expectNotBegun();
});

it("does not begin a job that was cancelled while it waited for another one of its lease: in an invocation", async () => {
  const s = await setup();
  const [first = "", second = ""] = await s.queue.enqueue(2);
  const began: string[] = [];
  await run(
    { ...s, deps: { ...s.deps, time: hurried() } },
    async (_, job) => {
      began.push(job.id);
      expect(await cancelJob(s.deps, second)).toBe("requested");
    },
    { definition: { batchSize: 2, concurrency: 1 } },
  );
  expect(began).toEqual([first]);
  expect(await s.queue.get(second)).toMatchObject({ state: "cancelled" });
});

it("is heard by a worker that listens long before the next heartbeat of the lease", async () => {
  const patient = { ...plain, leaseSeconds: 900 };
  const s = await setupWorkers({ jobs: [patient] });
  const [enqueued] = await enqueueJobs(s.deps, [{ type: "plain", payload: {} }]);
  const id = enqueued?.job.id ?? "";
  const began = Promise.withResolvers<void>();
  let cause: string | undefined;
  const worker = s.start(async (_, job) => {
    began.resolve();
    cause = await abortOf(job.signal);
    throw job.signal.reason;
  });
  const works = Promise.withResolvers<void>();
  const listener = listenForWorker({ url: s.url }, s.db, worker, (does) => does && works.resolve());
  await Promise.all([works.promise, began.promise]);
  expect(await cancelJob(s.deps, id)).toBe("requested");
  await until(async () => (await s.queue.state(id)) === "cancelled");
  expect(cause).toBe("cancelled");
  await listener.close();
});
