/** Databases of many queues, and workers whose process, and whose statements' clock, are in virtual time. */
import type { Db } from "../../../lib/db/drivers/client.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import type { Worker, WorkerOptions } from "../../../lib/queue/worker/worker.ts";
import { type Cost, explainOnly, NOTHING } from "../database/explain.ts";
import { createVirtualTime } from "../virtual-time.ts";
import type { IdentifiedJob } from "../../../lib/core/new-job.ts";
import type { SetupOptions } from "../queue.ts";
import { setupWorkers } from "./worker.ts";

export const nameOf = (n: number): string => `q${String(n).padStart(5, "0")}`;

const DECLARE = `insert into forgeq.queue (name, listed_types)
select 'q' || lpad(n::text, 5, '0'), '{plain}' from generate_series(1, $1::int) n`;

const YEAR_SECONDS = 365 * 86_400;

interface Take extends Cost {
  readonly queues: number;
}

/** Workers in virtual time, what they sent, and what ran when. */
export const setupTimed = async (options: SetupOptions) => {
  const made = await setupWorkers(options);
  const start = made.at(0).getTime();
  const time = createVirtualTime(0);
  const clock = (): Date => new Date(start + time.now());
  const ran: { readonly id: string; readonly atMs: number }[] = [];

  /** @param explains - whether each take is made twice, first to count its buffers */
  const startWorker = (more: Partial<WorkerOptions> = {}, explains = false) => {
    const sent: string[] = [];
    const takes: Take[] = [];
    const query: Db["query"] = async <Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> =>
      time.working(async () => {
        const name = /forgeq:(\w+)/.exec(text)?.[1] ?? text;
        sent.push(name);
        if (name === "settle_and_take") {
          const { length } = JSON.parse(String(params[2])) as unknown[];
          const { buffers, walBytes } = explains ? await explainOnly(made.db, text, params) : NOTHING;
          takes.push({ queues: length, buffers, walBytes });
        }
        return made.db.query<Row>(text, params);
      });
    const deps: Partial<Deps> = { db: { ...made.db, query }, time: time.time, clock };
    const work = async (_: unknown, job: { readonly id: string }): Promise<void> =>
      void ran.push({ id: job.id, atMs: time.now() });
    const worker: Worker = made.start(work, more, deps);
    return { worker, sent: () => sent.splice(0), takes: () => takes.splice(0) };
  };

  /** Stores jobs of type `plain`, unless said otherwise. */
  const enqueue = async (items: readonly Partial<IdentifiedJob>[]): Promise<string[]> => {
    const jobs = items.map((item, n) => ({ id: uuidV7(), type: "plain", payload: { n }, ...item }));
    for (let n = 0; n < jobs.length; n += 1_000) await enqueueMany(made.db, jobs.slice(n, n + 1_000), true, clock());
    return jobs.map(({ id }) => id);
  };
  return { ...made, time, clock, ran, enqueue, start: startWorker };
};

/** @param count - queues q00001, q00002, ..., each with a job that is due in a year */
export const setupQueues = async (count: number) => {
  const made = await setupTimed({ queues: [] });
  await made.db.query(DECLARE, [count]);
  /** A job in each of these queues. */
  const enqueueIn = (queues: readonly number[], delaySeconds = 0): Promise<string[]> =>
    made.enqueue(queues.map((n) => ({ queue: nameOf(n), ...(delaySeconds > 0 && { delaySeconds }) })));
  await enqueueIn(
    Array.from({ length: count }, (_, n) => n + 1),
    YEAR_SECONDS,
  );
  await made.db.query("vacuum analyze forgeq.job, forgeq.queue, forgeq.metric_series");
  return { ...made, enqueueIn };
};
