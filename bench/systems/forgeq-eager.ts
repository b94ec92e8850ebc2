/** A worker that begins what its own process enqueues (the local start): a job that a job enqueues goes this way. */
import { connectDb } from "../../lib/db/drivers/connect.ts";
import type { Deps } from "../../lib/queue/deps.ts";
import { enqueueJobs } from "../../lib/queue/enqueue/enqueue-jobs.ts";
import { toNewJob } from "../../lib/queue/enqueue/typed-job.ts";
import type { Worker } from "../../lib/queue/worker/worker.ts";
import { depsFor } from "../deps.ts";
import type { Client, System } from "../system.ts";
import { noop, startWorker, syncNoop, system as forgeq } from "./forgeq.ts";

export const system: System = {
  prepare: (target) => forgeq.prepare(target),
  open: async ({ url, keepHistory }): Promise<Client> => {
    const db = await connectDb({ url, max: 10, statementSeconds: 60 });
    await syncNoop(db, keepHistory);
    let deps: Deps = depsFor(db);
    let worker: Worker | undefined;
    const enqueue = async (payloads: readonly unknown[]): Promise<void> => {
      await enqueueJobs(
        deps,
        payloads.map((payload) => toNewJob(noop, payload, {})),
      );
    };
    return {
      enqueue: (payload) => enqueue([payload]),
      enqueueBulk: enqueue,
      drain: () => Promise.reject(new Error("not measured")),
      serve: (onStart) => {
        worker = startWorker(deps, onStart);
        deps = { ...deps, localStart: worker.localStart };
        return Promise.resolve();
      },
      close: async () => {
        await worker?.stop(1_000);
        await db.close();
      },
    };
  },
};
