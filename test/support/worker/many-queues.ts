/** Databases of many queues, and workers whose process, and whose statements' clock, are in virtual time. */
import type { Db } from "../../../lib/db/drivers/client.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import type { Worker, WorkerOptions } from "../../../lib/queue/worker/worker.ts";
import { explain } from "../database/explain.ts";
import { createVirtualTime } from "../virtual-time.ts";
import { setupWorkers } from "./worker.ts";

export const nameOf = (n: number): string => `q${String(n).padStart(5, "0")}`;

const DECLARE = `insert into forgeq.queue (name, listed_types)
select 'q' || lpad(n::text, 5, '0'), '{plain}' from generate_series(1, $1::int) n`;

const YEAR_SECONDS = 365 * 86_400;

interface Take {
  readonly queues: number;
  readonly jobs: number;
  readonly buffers: number;
}

/** @param count - queues q00001, q00002, ..., each with a job that is due in a year */
export const setupQueues = async (count: number) => {
  const made = await setupWorkers({ queues: [] });
  const { db } = made;
  const start = made.at(0).getTime();
  const time = createVirtualTime(0);
  const clock = (): Date => new Date(start + time.now());
  await db.query(DECLARE, [count]);
  const enqueue = async (queues: readonly number[], delaySeconds = 0): Promise<string[]> => {
    const items = queues.map((n) => ({
      id: uuidV7(),
      type: "plain",
      payload: { n },
      queue: nameOf(n),
      ...(delaySeconds > 0 && { delaySeconds }),
    }));
    for (let n = 0; n < items.length; n += 500) await enqueueMany(db, items.slice(n, n + 500), true, clock());
    return items.map(({ id }) => id);
  };
  await enqueue(
    Array.from({ length: count }, (_, n) => n + 1),
    YEAR_SECONDS,
  );
  await db.query("vacuum analyze forgeq.job, forgeq.queue, forgeq.metric_series");

  const ran: { readonly id: string; readonly atMs: number }[] = [];
  const start_ = (options: Partial<WorkerOptions> = {}, explains = false) => {
    const sent: string[] = [];
    const takes: Take[] = [];
    const query: Db["query"] = async <Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> =>
      time.working(async () => {
        const name = /forgeq:(\w+)/.exec(text)?.[1] ?? text;
        sent.push(name);
        if (name === "settle_and_take") {
          const { length } = JSON.parse(String(params[2])) as unknown[];
          const { buffers } = explains ? await rolledBack(db, text, params) : { buffers: 0 };
          takes.push({ queues: length, jobs: Number(params[4]), buffers });
        }
        return db.query<Row>(text, params);
      });
    const deps: Partial<Deps> = { db: { ...db, query }, time: time.time, clock };
    const work = async (_: unknown, job: { readonly id: string }): Promise<void> =>
      void ran.push({ id: job.id, atMs: time.now() });
    const worker: Worker = made.start(work, options, deps);
    return { worker, sent: () => sent.splice(0), takes: () => takes.splice(0) };
  };
  return { ...made, time, clock, enqueue, ran, start: start_ };
};

const rolledBack = async (db: Db, text: string, params: readonly unknown[]) => {
  const ROLL_BACK = new Error("roll back");
  let cost = { buffers: 0 };
  await db
    .transaction(async (tx) => {
      cost = await explain(tx, text, params);
      throw ROLL_BACK;
    })
    .catch((error: unknown) => {
      if (error !== ROLL_BACK) throw error;
    });
  return cost;
};
