/** `forgeq`: enqueue typed jobs from any application, inside its own transactions. */
import type * as z from "zod";
import { ForgeqError } from "./core/errors.ts";
import type { JobDefinition } from "./core/job.ts";
import { asSql, type Queryable } from "./db/drivers/client.ts";
import { armNextMinute } from "./queue/wake/arm.ts";
import { enqueueJobsIn } from "./queue/enqueue/enqueue-jobs.ts";
import { toNewJob } from "./queue/enqueue/typed-job.ts";
import type { JobOptions } from "./core/new-job.ts";
import { wakeDispatcher } from "./queue/wake/wake-dispatcher.ts";
import { runtime } from "./runtime.ts";

export { idOf } from "./core/id-of.ts";
export { ForgeqError, type ErrorCode } from "./core/errors.ts";
export type { JobDefinition } from "./core/job.ts";
export type { Queryable } from "./db/drivers/client.ts";
export type { JobOptions as EnqueueOptions } from "./core/new-job.ts";

export interface Enqueued {
  readonly id: string;
  /** False where the id, or a live job with the unique key, was there already. */
  readonly created: boolean;
  /**
   * Wakes the dispatcher; call it after the commit, which `enqueue` can't see. Without it the job waits for the next tick:
   * at most a minute, in armed mode two (a tick was armed before the job was stored, for a transaction that commits within
   * a minute). Needs DATABASE_URL and the right to invoke the dispatcher; never throws.
   */
  wake(): Promise<void>;
}

/**
 * Enqueues a typed job inside the caller's transaction: it exists if and when that commits. `tx` is a `pg` client, a Neon
 * client, or any object with `query(text, params)`. The job belongs to the trace that is active, where OpenTelemetry is used.
 *
 * @throws {ForgeqError} `invalid_job`, `invalid_payload`, `payload_too_large`, `unknown_type`, `unknown_queue`, `queue_full`, `id_version`,
 * `id_conflict`, `unique_key_conflict`: nothing was enqueued; after an error of Postgres the transaction can only roll back
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
      if (deps !== null) await wakeDispatcher(deps, row.dueSeconds, row.queue ?? undefined);
    },
  };
};
