import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import type { Client, Payload, System } from "../system.ts";
import { until } from "../until.ts";

const logger = new Logger(() => () => undefined);

/** The settings that its performance page advises: a local queue of 500, 24 jobs concurrently, completions gathered without delay. */
const PRESET = {
  worker: {
    concurrentJobs: 24,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    pollInterval: 1_000,
  },
};

const openPool = (url: string, max: number): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, max });
  // It warns without both.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
};

export const system: System = {
  prepare: async ({ url }) => {
    const pool = openPool(url, 1);
    const utils = await makeWorkerUtils({ pgPool: pool, logger });
    await utils.migrate();
    await utils.release();
    await pool.end();
  },
  open: async ({ url }): Promise<Client> => {
    const pool = openPool(url, 10);
    const utils = await makeWorkerUtils({ pgPool: pool, logger });
    let runner: { stop(): Promise<void> } | undefined;
    const start = async (onJob: (payload: Payload) => void) => {
      runner = await run({
        pgPool: pool,
        logger,
        preset: PRESET,
        noHandleSignals: true,
        taskList: { noop: (payload: unknown) => onJob(payload as Payload) },
      });
    };
    return {
      enqueue: async (payload) => {
        await utils.addJob("noop", payload);
      },
      enqueueBulk: async (payloads) => {
        await utils.addJobs(payloads.map((payload) => ({ identifier: "noop", payload })));
      },
      drain: async (count) => {
        let handled = 0;
        await start(() => (handled += 1));
        await until(() => handled >= count);
        await until(async () => {
          const { rows } = await pool.query<{ left: boolean }>(
            "select exists (select from graphile_worker._private_jobs) as left",
          );
          return rows[0]?.left === false;
        });
      },
      serve: async (onStart) => {
        await start(onStart);
        await new Promise((resolve) => setTimeout(resolve, 500));
      },
      close: async () => {
        await runner?.stop();
        await utils.release();
        await pool.end().catch(() => undefined);
      },
    };
  },
};
