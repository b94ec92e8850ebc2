import { onTestFinished } from "vitest";
import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import type { Work } from "../../../lib/queue/run/run-job.ts";
import { createWorker, type Worker, type WorkerOptions } from "../../../lib/queue/worker/worker.ts";
import { plain, setup, type SetupOptions, unlimited } from "../queue.ts";

type PlainWork = Work<typeof plain.payload>;

/** A type of which one process runs one job at a time. */
export const narrow = defineJob({
  type: "narrow",
  queue: "plain",
  payload: z.object({}).loose(),
  batchSize: 10,
  concurrency: 1,
});

/** A fresh database on its real clock, and workers in this process that run `plain` (and `narrow`) jobs. */
export const setupWorkers = async (options: SetupOptions = {}) => {
  const made = await setup({ jobs: [plain, narrow], queues: [unlimited], realClock: true, ...options });
  const start = (work: PlainWork, more: Partial<WorkerOptions> = {}, deps: Partial<Deps> = {}): Worker => {
    const handlers = new Map(
      [plain, narrow].map((definition) => [definition.type, { definition, work: work as Work<z.ZodType> }]),
    );
    const worker = createWorker(
      { ...made.deps, ...deps },
      { handlers, concurrency: 10, queues: null, invocation: "test:1", ...more },
    );
    onTestFinished(async () => {
      await worker.stop(0);
    });
    return worker;
  };
  return { ...made, start };
};

/** Calls `holds` until it is true, every few milliseconds; the test's own time-out ends it. */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** Finished jobs by state. */
export const histories = async (db: Db) => {
  const rows = await db.query<{ state: string; n: number }>(
    "select state::text, count(*)::int as n from forgeq.job_history group by 1 order by 1",
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
};
