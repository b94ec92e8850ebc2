import * as z from "zod";
import { defineJob, defineQueue } from "../../lib/core/define.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { connectDb } from "../../lib/db/connect.ts";
import { beginLease, claim, settle } from "../../lib/db/leases.ts";
import { migrate } from "../../lib/db/migrate.ts";
import { enqueueJobs } from "../../lib/queue/enqueue.ts";
import { toNewJob } from "../../lib/queue/new-job.ts";
import { syncDefinitions } from "../../lib/queue/sync.ts";
import { depsFor } from "../deps.ts";
import type { Client, System } from "../system.ts";

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

    const lane = async (count: number, handled: { jobs: number }) => {
      let watermarks: readonly string[] | null = null;
      while (handled.jobs < count) {
        const claimed = await claim(db, {
          queue: "noop",
          claimId: uuidV7(),
          maxJobs: 500,
          watermarks,
          blockedTypes: [],
          dispatchSeconds: 90,
          at: null,
        });
        watermarks = claimed.watermarks;
        for (const lease of claimed.leases) {
          const holder = { leaseId: lease.id, begunBy: uuidV7() };
          const begun = await beginLease(db, { ...holder, leaseSeconds: 60, invocation: null, at: null });
          if (begun === "lease_lost") throw new Error("lease lost");
          const { jobs } = begun;
          await settle(
            db,
            holder,
            jobs.map(({ id }) => ({ id, outcome: "completed", result: null })),
            null,
          );
          handled.jobs += jobs.length;
        }
        if (claimed.leases.length === 0) watermarks = null;
      }
    };
    return {
      enqueue: async (payload) => {
        await enqueueJobs(deps, [job(payload)]);
      },
      enqueueBulk: async (payloads) => {
        await enqueueJobs(deps, payloads.map(job));
      },
      drain: async (count) => {
        const handled = { jobs: 0 };
        await Promise.all([lane(count, handled), lane(count, handled)]);
      },
      serve: () => Promise.reject(new Error("no worker yet")),
      close: () => db.close(),
    };
  },
};
