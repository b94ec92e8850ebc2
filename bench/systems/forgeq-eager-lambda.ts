/** ForgeQ's Lambda path in one process, as its peers' workers are: the producer invokes the handler (the eager invoke), and each invocation begins its lease. */
import { defineJob, defineQueue } from "../../lib/core/define.ts";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { dispatch } from "../../lib/queue/lambda/dispatch.ts";
import type { Deps } from "../../lib/queue/deps.ts";
import { enqueueJobs } from "../../lib/queue/enqueue/enqueue-jobs.ts";
import { toNewJob } from "../../lib/queue/enqueue/typed-job.ts";
import { runInvocation } from "../../lib/queue/lambda/run-invocation.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { depsFor } from "../deps.ts";
import type { Client, Payload, System } from "../system.ts";
import { noop, system as forgeq } from "./forgeq.ts";

const DISPATCHER = "forgeq-bench-dispatcher";
const REMAINING_MS = 300_000;

const single = defineJob({ type: noop.type, payload: noop.payload, batchSize: 1 });

export const system: System = {
  prepare: (target) => forgeq.prepare(target),
  open: async ({ url, keepHistory }): Promise<Client> => {
    const db = await connectDb({ url, max: 10, statementSeconds: 60 });
    await syncDefinitions(db, [single], [defineQueue({ name: "noop", maxInFlight: null, keepCompleted: keepHistory })]);
    const base = depsFor(db);
    const running = new Set<Promise<unknown>>();
    let invocations = 0;
    let onStart: (payload: Payload) => void = () => undefined;
    const start = (functionName: string, event: unknown): Promise<unknown> => {
      if (functionName === DISPATCHER) return dispatch(deps, {}, () => REMAINING_MS);
      const { lease_id: leaseId } = event as { lease_id: string };
      const work = (payload: Payload) => {
        onStart(payload);
        return Promise.resolve(null);
      };
      return runInvocation(deps, single, work, {
        leaseId,
        invocation: String((invocations += 1)),
        remainingMs: () => REMAINING_MS,
      });
    };
    const deps: Deps = {
      ...base,
      config: { ...base.config, eager: true, dispatcherFunction: DISPATCHER },
      invoker: {
        invoke: (functionName, event) => {
          const run: Promise<unknown> = start(functionName, event).finally(() => running.delete(run));
          running.add(run);
          return Promise.resolve({ outcome: "accepted" as const });
        },
      },
    };
    const job = (payload: unknown) => toNewJob(single, payload, {});
    return {
      enqueue: async (payload) => {
        await enqueueJobs(deps, [job(payload)]);
      },
      enqueueBulk: async (payloads) => {
        await enqueueJobs(deps, payloads.map(job));
      },
      drain: () => Promise.reject(new Error("not measured")),
      serve: (given) => {
        onStart = given;
        return Promise.resolve();
      },
      close: async () => {
        while (running.size > 0) await Promise.allSettled(running);
        await db.close();
      },
    };
  },
};
