import * as z from "zod";
import { defineJob, defineQueue } from "../../lib/core/define.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import type { Listener } from "../../lib/db/protocol/listen.ts";
import { migrate } from "../../lib/db/schema/migrate.ts";
import type { Deps } from "../../lib/queue/deps.ts";
import { enqueueJobs } from "../../lib/queue/enqueue/enqueue-jobs.ts";
import { toNewJob } from "../../lib/queue/enqueue/typed-job.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { createWorkerHints } from "../../lib/queue/wake/worker-hints.ts";
import { listenForWorker } from "../../lib/queue/worker/listen.ts";
import { createWorker, type Worker } from "../../lib/queue/worker/worker.ts";
import { depsFor } from "../deps.ts";
import { until } from "../until.ts";
import type { Client, Payload, System } from "../system.ts";

/** Eight batches of 500: what a worker has under way at most. */
const CONCURRENCY = 4_000;

const define = (type: string) =>
  defineJob({
    type,
    batchSize: 100,
    payload: z.object({
      email: z.email(),
      subject: z.string(),
      body: z.string(),
      n: z.int(),
      sentAtMs: z.number(),
    }),
  });

export const noop = define("noop");
/** Each with a queue of its own; the first is what everything but mixed enqueues uses. */
const TYPES = [noop, ...[1, 2, 3, 4].map((n) => define(`noop_${n}`))] as const;

export const syncNoop = (db: Db, keepHistory: boolean): Promise<unknown> =>
  syncDefinitions(
    db,
    TYPES,
    TYPES.map(({ type }) => defineQueue({ name: type, maxInFlight: null, keepCompleted: keepHistory })),
  );

export const startWorker = (deps: Deps, onJob: (payload: z.output<typeof noop.payload>) => void): Worker => {
  const work = (payload: unknown) => {
    onJob(payload as z.output<typeof noop.payload>);
    return Promise.resolve();
  };
  return createWorker(deps, {
    handlers: new Map([["noop", { definition: noop, work }]]),
    concurrency: CONCURRENCY,
    queues: ["noop"],
    invocation: "bench",
  });
};

export const system: System = {
  prepare: async ({ url }) => {
    const db = await connectDb({ url, max: 1, statementSeconds: 60 });
    await migrate(db);
    await db.close();
  },
  open: async ({ url, keepHistory }): Promise<Client> => {
    const db = await connectDb({ url, max: 10, statementSeconds: 60 });
    await syncNoop(db, keepHistory);
    // No worker listens here, so no hint is sent.
    let deps: Deps = depsFor(db);
    let listener: Listener | undefined;
    const job = (payload: Payload, types = 1) => toNewJob(TYPES[payload.n % types] ?? noop, payload, {});

    let worker: Worker | undefined;
    return {
      enqueue: async (payload, types) => {
        await enqueueJobs(deps, [job(payload, types)]);
      },
      enqueueBulk: async (payloads, types) => {
        await enqueueJobs(
          deps,
          payloads.map((payload) => job(payload, types)),
        );
      },
      drain: async (count) => {
        worker = startWorker(deps, () => undefined);
        const { settled } = worker;
        await until(() => (settled.get("completed") ?? 0) >= count);
      },
      serve: async (onStart) => {
        // Only NOTIFY reaches the worker, as if it were another process.
        deps = { ...deps, hintWorkers: createWorkerHints(db).hintWorkers };
        const woken = startWorker(deps, onStart);
        worker = woken;
        await new Promise<void>((resolve) => {
          listener = listenForWorker({ url }, db, woken, (works) => works && resolve());
        });
      },
      close: async () => {
        await listener?.close();
        await worker?.stop(1_000);
        await db.close();
      },
    };
  },
};
