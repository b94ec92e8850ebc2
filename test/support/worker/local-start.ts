import { onTestFinished } from "vitest";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import type { NewJob } from "../../../lib/core/new-job.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import type { Work } from "../../../lib/queue/run/run-job.ts";
import type { WorkerOptions } from "../../../lib/queue/worker/worker.ts";
import { startProxy } from "../database/proxy.ts";
import { type plain, type SetupOptions } from "../queue.ts";
import { setupWorkers, until } from "./worker.ts";

export const JOB = { type: "plain", payload: { n: 1 } };

interface TakeRow {
  readonly answer: { readonly leases: readonly unknown[]; readonly queues: readonly { readonly more: boolean }[] };
}

const foundNothing = ({ answer }: TakeRow): boolean =>
  answer.leases.length === 0 && answer.queues.length > 0 && answer.queues.every(({ more }) => !more);

/**
 * A worker that has seen its queues empty and makes no poll, a producer in its process, and what both send. The type has had a
 * job already.
 */
export const setupLocalStart = async (
  options: SetupOptions & {
    readonly worker?: Partial<WorkerOptions>;
    readonly work?: Work<typeof plain.payload>;
    readonly timers?: boolean;
  } = {},
) => {
  const made = await setupWorkers(options);
  const proxy = await startProxy(Number(new URL(made.url).port));
  const through = await connectDb({ url: proxy.through(made.url) });
  onTestFinished(() => through.close());
  const statements: string[] = [];
  const db: typeof through = {
    ...through,
    query: async <Row>(text: string, params?: readonly unknown[]) => {
      const name = /forgeq:(\w+)/.exec(text)?.[1] ?? text;
      statements.push(name);
      const rows = await through.query<Row>(text, params);
      if (name === "settle_and_take") idle = foundNothing(rows.at(-1) as TakeRow);
      return rows;
    },
  };
  let idle = false;
  await made.queue.enqueue();
  const ran: string[] = [];
  const work: Work<typeof plain.payload> = async (payload, job) => {
    ran.push(job.id);
    return options.work?.(payload, job);
  };
  // No timer ever fires, unless asked for.
  const time = options.timers === true ? made.deps.time : { ...made.deps.time, after: () => () => undefined };
  const worker = made.start(work, { queues: ["plain"], ...options.worker }, { db, time });
  await until(() => worker.settled.get("completed") === 1 && idle);
  ran.length = 0;
  statements.length = 0;
  return {
    ...made,
    proxy,
    statements,
    ran,
    worker,
    // There is no dispatcher.
    enqueue: (...jobs: NewJob[]) =>
      enqueueJobs(
        { ...made.deps, db, localStart: worker.localStart, config: { ...made.deps.config, dispatcherFunction: null } },
        jobs,
      ),
    /** This many jobs have run and are settled. */
    settled: (jobs: number) => until(() => worker.settled.get("completed") === 1 + jobs),
  };
};
