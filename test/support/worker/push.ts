import { onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { Listener } from "../../../lib/db/protocol/listen.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import type { NewJob } from "../../../lib/core/new-job.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import type { Work } from "../../../lib/queue/run/run-job.ts";
import { createWorkerHints } from "../../../lib/queue/wake/worker-hints.ts";
import { listenForWorker } from "../../../lib/queue/worker/listen.ts";
import type { Worker, WorkerOptions } from "../../../lib/queue/worker/worker.ts";
import type { plain, SetupOptions } from "../queue.ts";
import { createVirtualTime } from "../virtual-time.ts";
import { setupWorkers, until } from "./worker.ts";

const named = (db: Db, statements: string[]): Db => ({
  ...db,
  query: (text, params) => {
    statements.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
    return db.query(text, params);
  },
});

/** Workers that listen, as in processes of their own, and a producer elsewhere, with the statements that it and they send. */
export const setupPushes = async (options: SetupOptions = {}) => {
  const made = await setupWorkers(options);
  const sent = { caller: [] as string[], workers: [] as string[] };
  const callerDb = await connectDb({ url: made.url });
  onTestFinished(() => callerDb.close());
  const callersDb = named(callerDb, sent.caller);
  const caller: Deps = {
    ...made.deps,
    db: callersDb,
    hintWorkers: createWorkerHints(callersDb).hintWorkers,
    config: { ...made.deps.config, dispatcherFunction: null },
  };

  const offered = async (worker: Worker): Promise<boolean> => {
    const rows = await made.db.query(
      "select from forgeq.worker_capacity where worker = $1 and until > clock_timestamp() + interval '2 seconds'",
      [worker.id],
    );
    return rows.length > 0;
  };

  /** One that hears what others enqueue. */
  const startListening = async (
    work: Work<typeof plain.payload>,
    more: Partial<WorkerOptions> = {},
    deps: Partial<Deps> = {},
    url = made.url,
  ): Promise<{ readonly worker: Worker; readonly listener: Listener }> => {
    const hintWorkers = createWorkerHints(made.db).hintWorkers;
    const worker = made.start(work, more, { db: named(made.deps.db, sent.workers), hintWorkers, ...deps });
    const listens = Promise.withResolvers<void>();
    const listener = listenForWorker({ url }, made.db, worker, (works) => works && listens.resolve());
    onTestFinished(async () => void (await listener.close()));
    await listens.promise;
    return { worker, listener };
  };

  /** The same, with its offer made, and nothing under way. */
  const startOffering: typeof startListening = async (...args) => {
    const started = await startListening(...args);
    const isIdle = () => started.worker.describe().state["statements"] === 0 && started.worker.describe().next === null;
    await until(async () => (await offered(started.worker)) && isIdle());
    sent.workers.length = 0;
    return started;
  };

  return {
    ...made,
    sent,
    caller,
    offered,
    startListening,
    startOffering,
    /** The same in a time that stands still: it sends nothing but what comes of jobs and hints. */
    startStill: (work: Work<typeof plain.payload>, more: Partial<WorkerOptions> = {}) =>
      startOffering(work, more, { time: createVirtualTime(0).time }),
    enqueue: (...jobs: NewJob[]) => enqueueJobs(caller, jobs),
    completed: async (): Promise<number> => {
      const [row] = await made.db.query<{ n: number }>(
        "select count(*)::int as n from forgeq.job_history where state = 'completed'",
      );
      return row!.n;
    },
  };
};
