import { expect, it, onTestFinished } from "vitest";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { type Hint, listenForHints } from "../../../lib/db/protocol/listen.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { createWorkerHints } from "../../../lib/queue/wake/worker-hints.ts";
import { declareQueue } from "../../../lib/db/reads/queues.ts";
import { setup } from "../../support/queue.ts";
import { until } from "../../support/worker/worker.ts";

const JOB = { type: "plain", payload: { n: 1 } };

/** A caller whose hints leave the process, what it sends, and what a listener hears. */
const setupHints = async () => {
  const s = await setup({ realClock: true });
  const statements: string[] = [];
  const db: typeof s.db = {
    ...s.db,
    query: (text, params) => {
      statements.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
      return s.db.query(text, params);
    },
  };
  const heard: Hint[] = [];
  const works = Promise.withResolvers<void>();
  const listener = listenForHints({ url: s.url }, s.db, {
    hint: (hint) => heard.push(hint),
    change: (does) => does && works.resolve(),
  });
  onTestFinished(async () => void (await listener.close()));
  await works.promise;
  const deps: Deps = {
    ...s.deps,
    db,
    hintWorkers: createWorkerHints(db).hintWorkers,
    config: { ...s.deps.config, dispatcherFunction: null },
  };
  return { ...s, deps, statements, heard };
};

it("tells workers of a job with the commit that stores it: one statement", async () => {
  const s = await setupHints();
  await declareQueue(s.db, "other", { types: ["plain"] });
  await enqueueJobs(s.deps, [JOB, { ...JOB, queue: "other" }]);
  await until(() => s.heard.length === 2);
  expect(s.heard).toEqual(
    expect.arrayContaining([
      { seconds: 0, queue: "plain" },
      { seconds: 0, queue: "other" },
    ]),
  );
  expect(s.statements).toEqual(["enqueue"]);
});

it("waits for nobody whose transaction is about to tell, and tells after its own commit then", async () => {
  const s = await setupHints();
  const other = await connectDb({ url: s.url });
  onTestFinished(() => other.close());
  await other.transaction(async (tx) => {
    expect(await tx.query("select forgeq.hint_workers('theirs') as told")).toEqual([{ told: true }]);
    await enqueueJobs(s.deps, [JOB]);
    await until(() => s.heard.length === 1);
    expect(s.heard).toEqual([{ seconds: 0, queue: "plain" }]);
    expect(s.statements).toEqual(["enqueue", "notify"]);
  });
  await until(() => s.heard.length === 2);
  expect(s.heard.at(-1)).toEqual({ seconds: 0, queue: "theirs" });
});

it("tells of a job that is due later when it is due, and of each queue of a large call", async () => {
  const s = await setupHints();
  await enqueueJobs(s.deps, [{ ...JOB, delaySeconds: 30 }]);
  await until(() => s.heard.length === 1);
  expect(s.heard).toEqual([{ seconds: 30, queue: "plain" }]);
  expect(s.statements).toEqual(["enqueue", "notify"]);

  for (const name of ["even", "odd"]) await declareQueue(s.db, name, { types: ["plain"] });
  await enqueueJobs(
    s.deps,
    Array.from({ length: 20 }, (_, n) => ({ ...JOB, queue: n % 2 === 0 ? "even" : "odd" })),
  );
  await until(() => s.heard.length === 3);
  expect(new Set(s.heard.slice(1).map(({ queue }) => queue))).toEqual(new Set(["even", "odd"]));
});

it("tells nobody of a job that is refused", async () => {
  const s = await setupHints();
  await s.db.query("alter table forgeq.job add constraint refused check (payload::text <> '{}')");
  await expect(enqueueJobs(s.deps, [{ ...JOB, payload: {} }])).rejects.toMatchObject({ code: "invalid_job" });
  await enqueueJobs(s.deps, [JOB]);
  await until(() => s.heard.length > 0);
  expect(s.heard).toEqual([{ seconds: 0, queue: "plain" }]);
});
