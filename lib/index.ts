/** `forgeq`: enqueue typed jobs from any application, inside its own transactions. */
import type * as z from "zod";
import { ForgeqError } from "./core/errors.ts";
import type { JobDefinition } from "./core/job.ts";
import { asSql, type Queryable } from "./db/drivers/client.ts";
import { armNextMinute } from "./queue/wake/arm.ts";
import { enqueueJobsIn } from "./queue/enqueue/enqueue-jobs.ts";
import { toNewJob } from "./queue/enqueue/typed-job.ts";
import type { JobOptions } from "./core/new-job.ts";
import type { Deps } from "./queue/deps.ts";
import { wakeDispatcher } from "./queue/wake/wake-dispatcher.ts";
import { createWorkerHints, type WorkerHints } from "./queue/wake/worker-hints.ts";
import { runtime } from "./runtime.ts";

export { idOf } from "./core/id-of.ts";
export { ForgeqError, type ErrorCode } from "./core/errors.ts";
export type { JobDefinition } from "./core/job.ts";
export type { Queryable } from "./db/drivers/client.ts";
export type { JobOptions as EnqueueOptions } from "./core/new-job.ts";

export interface Enqueued {
  /** Of the job that was there already, where `created` is false. */
  readonly id: string;
  /** False where the id, or a live job with the unique key, was there already. */
  readonly created: boolean;
  /**
   * Wakes the dispatcher; call it after the commit, which `enqueue` can't see. Without it the job waits for the next tick:
   * at most a minute, in armed mode two (a tick was armed before the job was stored, for a transaction that commits within
   * a minute). Tells workers that listen, too. Needs DATABASE_URL, FORGEQ_SERVICE and FORGEQ_STAGE as the functions have them, and the
   * right to invoke `SERVICE-STAGE-dispatcher`; a service that is not named has workers alone. Never throws.
   */
  wake(): Promise<void>;
}

let hints: WorkerHints | undefined;

/** Wakes the service's dispatcher; where the service is not named, and so has none, the workers that listen. */
const wakeWhoRuns = async (deps: Deps, dueSeconds: number | null, queue: string | undefined): Promise<void> => {
  if (deps.config.dispatcherFunction !== null) return wakeDispatcher(deps, dueSeconds, queue);
  if (hints === undefined)
    process.emitWarning(
      "FORGEQ_SERVICE is not set, so wake() invokes no dispatcher; it tells the workers that listen, and others look every few seconds",
      { code: "UNNAMED_SERVICE" },
    );
  hints ??= createWorkerHints(deps.db);
  if (dueSeconds !== null) await hints.hintWorkers(dueSeconds, queue);
};

/**
 * Enqueues a typed job inside the caller's transaction: it exists if and when that commits. `tx` is a `pg` client, a Neon
 * client, or any object with `query(text, params)`. The job belongs to the trace that is active, where OpenTelemetry is used.
 *
 * @throws {ForgeqError} `invalid_job`, `invalid_payload`, `payload_too_large`, `unknown_type`, `unknown_queue`, `queue_full`, `id_version`,
 * `id_conflict`, or `unique_key_conflict` where `onConflict` is `reject`: nothing was enqueued, and the transaction goes on. After any other error it
 * can only roll back
 * @throws the client's own error for a conflict with another transaction (40001, 40P01) or a state of this one (25xxx): repeat the transaction
 */
export const enqueue = async <Schema extends z.ZodType>(
  tx: Queryable,
  definition: JobDefinition<Schema>,
  payload: z.input<Schema>,
  options: JobOptions = {},
): Promise<Enqueued> => {
  const job = toNewJob(definition, payload, options);
  await armNextMinute(runtime().arming());
  const [row] = await enqueueJobsIn(asSql(tx), [job], null, runtime().tracing);
  if (row === undefined) throw new ForgeqError("internal", "an enqueue gave no answer");
  return {
    id: row.id,
    created: row.created,
    wake: async () => {
      if (!row.created) return;
      const deps = await runtime()
        .deps()
        .catch(() => null);
      if (deps !== null) await wakeWhoRuns(deps, row.dueSeconds, row.queue ?? undefined);
    },
  };
};
