import { PgBoss } from "pg-boss";
import pg from "pg";
import type { Client, Payload, System } from "../system.ts";
import { until } from "../until.ts";

const boss = (url: string) => {
  const made = new PgBoss({ connectionString: url, max: 10, useListenNotify: true, schedule: false });
  made.on("error", () => undefined);
  return made;
};

/** Batches of 500, four concurrently, fetched without a pause while they are full; one handler call and one outcome for a batch. */
const WORK = { batchSize: 500, localConcurrency: 4, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };

export const system: System = {
  prepare: async ({ url }) => {
    const made = boss(url);
    await made.start();
    await made.createQueue("noop", { notify: true });
    await made.stop({ graceful: false });
  },
  open: async ({ url }): Promise<Client> => {
    const made = boss(url);
    await made.start();
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    pool.on("error", () => undefined);
    return {
      enqueue: async (payload) => {
        await made.send("noop", payload);
      },
      enqueueBulk: async (payloads) => {
        await made.insert(
          "noop",
          payloads.map((data) => ({ data })),
        );
      },
      drain: async (count) => {
        let handled = 0;
        await made.work("noop", WORK, (jobs) => {
          handled += jobs.length;
          return Promise.resolve();
        });
        await until(() => handled >= count);
        await until(async () => {
          const { rows } = await pool.query<{ left: boolean }>(
            "select exists (select from pgboss.job where name = 'noop' and state < 'completed') as left",
          );
          return rows[0]?.left === false;
        });
      },
      serve: async (onStart) => {
        await made.work("noop", WORK, (jobs) => {
          for (const job of jobs) onStart(job.data as Payload);
          return Promise.resolve();
        });
        await new Promise((resolve) => setTimeout(resolve, 1_500));
      },
      close: async () => {
        await made.stop({ graceful: false });
        await pool.end();
      },
    };
  },
};
