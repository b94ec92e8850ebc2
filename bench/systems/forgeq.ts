import * as z from "zod";
import { defineJob, defineQueue } from "../../lib/core/define.ts";
import { connectDb } from "../../lib/db/connect.ts";
import { migrate } from "../../lib/db/migrate.ts";
import { enqueueJobs } from "../../lib/queue/enqueue.ts";
import { toNewJob } from "../../lib/queue/new-job.ts";
import { syncDefinitions } from "../../lib/queue/sync.ts";
import { createWorker, type Worker } from "../../lib/queue/worker.ts";
import { depsFor } from "../deps.ts";
import { until } from "../until.ts";
import type { Client, System } from "../system.ts";

/** Four batches of 500: what a worker has under way at most. */
const CONCURRENCY = 2_000;

export const noop = defineJob({
  type: "noop",
  batchSize: 100,
  payload: z.object({
    email: z.email(),
    subject: z.string(),
    body: z.string(),
    n: z.int(),
    sentAtMs: z.number(),
  }),
});

export const system: System = {
  prepare: async ({ url }) => {
    const db = await connectDb({ url, max: 1, statementSeconds: 60 });
    await migrate(db);
    await db.close();
  },
  open: async ({ url, keepHistory }): Promise<Client> => {
    const db = await connectDb({ url, max: 10, statementSeconds: 60 });
    await syncDefinitions(db, [noop], [defineQueue({ name: "noop", maxInFlight: null, keepCompleted: keepHistory })]);
    const deps = depsFor(db);
    const job = (payload: unknown) => toNewJob(noop, payload, {});

    const start = (onJob: (payload: z.output<typeof noop.payload>) => void): Worker => {
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
    let worker: Worker | undefined;
    return {
      enqueue: async (payload) => {
        await enqueueJobs(deps, [job(payload)]);
      },
      enqueueBulk: async (payloads) => {
        await enqueueJobs(deps, payloads.map(job));
      },
      drain: async (count) => {
        worker = start(() => undefined);
        const { settled } = worker;
        await until(() => (settled.get("completed") ?? 0) >= count);
      },
      serve: async (onStart) => {
        worker = start(onStart);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      },
      close: async () => {
        await worker?.stop(1_000);
        await db.close();
      },
    };
  },
};
