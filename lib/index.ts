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
import type { EnqueuedRow } from "./db/protocol/enqueue-wire.ts";
import { getJobIn } from "./db/reads/job.ts";
import type { Job } from "./db/reads/jobs.ts";
import { cancelJobIn, retryJobIn } from "./queue/manage/in-transaction.ts";
import { runtime } from "./runtime.ts";

export { idOf } from "./core/id-of.ts";
export { ForgeqError, type ErrorCode } from "./core/errors.ts";
export type { JobDefinition } from "./core/job.ts";
export type { Job } from "./db/reads/jobs.ts";
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

const wakes = (rows: readonly Pick<EnqueuedRow, "created" | "dueSeconds" | "queue">[]) => async (): Promise<void> => {
  const soonest = new Map<string, number>();
  for (const { created, dueSeconds, queue } of rows)
    if (created && dueSeconds !== null && queue !== null)
      soonest.set(queue, Math.min(dueSeconds, soonest.get(queue) ?? Infinity));
  if (soonest.size === 0) return;
  const deps = await runtime()
    .deps()
    .catch(() => null);
  if (deps === null) return;
  for (const [queue, dueSeconds] of soonest) await wakeWhoRuns(deps, dueSeconds, queue);
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
  return { id: row.id, created: row.created, wake: wakes([row]) };
};

/** Jobs of one statement at most. */
const MANY = 1_000;

export interface EnqueuedMany {
  /** In the order of the payloads; see `Enqueued`. */
  readonly jobs: readonly { readonly id: string; readonly created: boolean }[];
  /** Wakes whoever runs the jobs; see `Enqueued`. */
  wake(): Promise<void>;
}

/**
 * Enqueues many jobs of a type inside the caller's transaction, a thousand in a statement: all, or none of those that a refused statement holds.
 *
 * @param options - of all jobs, or a function that gives those of each
 * @throws {ForgeqError} as `enqueue`; `details.index` names the payload. Roll back to store none of the others.
 */
export const enqueueMany = async <Schema extends z.ZodType>(
  tx: Queryable,
  definition: JobDefinition<Schema>,
  payloads: readonly z.input<Schema>[],
  options: JobOptions | ((payload: z.input<Schema>, index: number) => JobOptions) = {},
): Promise<EnqueuedMany> => {
  const jobs = payloads.map((payload, index) =>
    toNewJob(definition, payload, typeof options === "function" ? options(payload, index) : options),
  );
  if (jobs.length > 0) await armNextMinute(runtime().arming());
  const rows: EnqueuedRow[] = [];
  for (let from = 0; from < jobs.length; from += MANY) {
    const some = await enqueueJobsIn(asSql(tx), jobs.slice(from, from + MANY), null, runtime().tracing).catch(
      (error: unknown) => {
        if (!(error instanceof ForgeqError) || typeof error.details["index"] !== "number") throw error;
        const details = { ...error.details, index: from + error.details["index"] };
        throw new ForgeqError(error.code, error.message, details, { cause: error.cause });
      },
    );
    rows.push(...some);
  }
  return { jobs: rows.map(({ id, created }) => ({ id, created })), wake: wakes(rows) };
};

/**
 * A job as it is in the caller's transaction, without its attempts; null where there is none. Like `cancel` and `retry` it needs a login of the role
 * `forgeq_manage`; `forgeq_read` is enough here.
 */
export const get = (tx: Queryable, id: string): Promise<Job | null> => getJobIn(asSql(tx), id, null);

/** Cancels a job inside the caller's transaction, see `cancelJobIn`. @param options.reason - why, which the cancelled job shows as its error */
export const cancel = (
  tx: Queryable,
  id: string,
  { reason }: { readonly reason?: string } = {},
): Promise<"cancelled" | "requested"> => cancelJobIn(asSql(tx), id, null, reason ?? null);

/** Gives a finished job its next life inside the caller's transaction, see `retryJobIn`. */
export const retry = async (
  tx: Queryable,
  id: string,
  { life }: { readonly life?: number } = {},
): Promise<{ readonly job: Job; wake(): Promise<void> }> => {
  await armNextMinute(runtime().arming());
  const job = await retryJobIn(asSql(tx), id, life, null);
  return { job, wake: wakes([{ created: true, dueSeconds: 0, queue: job.queue }]) };
};
