import type * as z from "zod";
import { backoffSeconds } from "../core/backoff.ts";
import { ForgeqError } from "../core/errors.ts";
import type { JobDefinition } from "../core/job.ts";
import type { JobOptions } from "../core/new-job.ts";
import { uuidV7 } from "../core/uuid.ts";
import type { Db } from "../db/drivers/client.ts";
import type { LeasedJob } from "../db/protocol/leased-job.ts";
import type { Progress } from "../db/protocol/leases.ts";
import type { AttemptError, Ended } from "../db/protocol/settle.ts";
import type { JobHandler } from "../job.ts";
import type { Deps, Logger, Metrics } from "../queue/deps.ts";
import { TEST_CONFIG } from "./test-config.ts";
import { toNewJob } from "../queue/enqueue/typed-job.ts";
import { toResult } from "../queue/run/attempt.ts";
import type { JobContext, JobDetails } from "../queue/run/job-context.ts";
import { jobFields } from "../queue/run/log-fields.ts";
import { runJob, type Work } from "../queue/run/run-job.ts";
import { createRunning } from "../queue/run/running-jobs.ts";
import { realTime } from "../queue/time.ts";

/** What `lambdaHandler` gives. */
type HandlerOf<Schema extends z.ZodType> = Pick<JobHandler<Schema>, "definition" | "work">;

/** How the attempt differs from a first one. */
export interface TestJobOptions extends Pick<JobOptions, "id" | "maxAttempts" | "metadata"> {
  /** What `job.details()` gives: due and stored now, with the type's priority, unless given. */
  readonly details?: Partial<JobDetails>;
  /** From 1, which it is unless given. */
  readonly attempt?: number;
  /** Aborts when somebody cancels the job while it runs. */
  readonly cancel?: AbortSignal;
  /** Seconds the job may run; the type's own unless given. */
  readonly timeoutSeconds?: number;
}

/** An entry of `job.log`, with the fields that the handler gave. */
export interface LogEntry {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A job that the handler enqueued by `job.enqueue`. */
export interface EnqueuedByHandler {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
  readonly options: JobOptions;
}

/** How the attempt ended, and what the handler did meanwhile. */
export interface TestedJob {
  /** `dead` also where an attempt failed that was the last one. */
  readonly outcome: "completed" | "retry" | "dead" | "snoozed" | "cancelled";
  /** Of a completed job, as it would be stored; null for all others. */
  readonly result: unknown;
  /** Of `retry` and `snoozed`: seconds until the next attempt, with a jitter the most that they can be. Null for all others. */
  readonly delaySeconds: number | null;
  /** As it would be stored; null where nothing failed. */
  readonly error: AttemptError | null;
  readonly logs: readonly LogEntry[];
  readonly progress: readonly Progress[];
  readonly enqueued: readonly EnqueuedByHandler[];
}

/** What the handler did, gathered while it runs. */
interface Gathered {
  readonly logs: LogEntry[];
  readonly progress: Progress[];
  readonly enqueued: EnqueuedByHandler[];
  /** Set when the handler completes the job in a transaction of its own. */
  completedIn: { readonly result: unknown } | null;
}

const NO_METRICS: Metrics = { count: () => undefined, observe: () => undefined, flush: () => undefined };

const refuse = (): never => {
  throw new ForgeqError("internal", "testJob has no database: use testQueue for what needs one");
};
const NO_DB: Db = { driver: "pg", query: refuse, transaction: refuse, close: () => Promise.resolve() };

/** Only the handler's own fields: what every entry has says nothing about the handler. */
const gatheringLogger = (logs: LogEntry[], ofEveryEntry: ReadonlySet<string>): Logger => {
  const log =
    (level: keyof Logger) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      const own = Object.entries(fields).filter(([name]) => !ofEveryEntry.has(name));
      logs.push({ level, message, fields: Object.fromEntries(own) });
    };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
};

/** The handler's context, without what needs a database. */
const withoutDatabase = (context: JobContext, gathered: Gathered, details: JobDetails): JobContext => ({
  ...context,
  details: () => Promise.resolve(details),
  complete: (_, result) => {
    gathered.completedIn = { result: toResult(result).result };
    return Promise.resolve();
  },
  // It refuses as the real one does: by a promise that rejects.
  enqueue: async (definition, payload, options = {}) => {
    const { type, payload: stored } = toNewJob(definition, payload, options);
    const id = options.id ?? uuidV7();
    gathered.enqueued.push({ id, type, payload: stored, options });
    return Promise.resolve(id);
  },
});

const depsOf = (logger: Logger): Deps => ({
  db: NO_DB,
  clock: () => null,
  random: () => 1,
  sleep: () => Promise.resolve(),
  time: realTime,
  invoker: { invoke: () => refuse() },
  logger,
  metrics: NO_METRICS,
  config: TEST_CONFIG,
});

/** What the database makes of an outcome: see migrations/functions/end_uncompleted.sql. */
const outcomeOf = (ended: Ended, job: LeasedJob, cancelled: boolean): TestedJob["outcome"] => {
  const { outcome } = ended;
  if (outcome === "completed") return outcome;
  if (cancelled) return "cancelled";
  if (outcome === "cancelled" || outcome === "dead" || outcome === "snoozed") return outcome;
  return job.attempt >= job.maxAttempts ? "dead" : "retry";
};

const delayOf = (ended: Ended, outcome: TestedJob["outcome"], definition: JobDefinition, job: LeasedJob) => {
  if (outcome !== "retry" && outcome !== "snoozed") return null;
  return ended.delaySeconds ?? backoffSeconds(definition.retry.backoff, job.attempt, 1);
};

const leasedJob = (definition: JobDefinition, payload: unknown, options: TestJobOptions): LeasedJob => {
  const { id = uuidV7(), maxAttempts = definition.retry.maxAttempts, metadata = {}, attempt = 1 } = options;
  if (!Number.isInteger(attempt) || attempt < 1)
    throw new ForgeqError("invalid_job", "attempt is a whole number, from 1");
  const { type, payload: stored } = toNewJob(definition, payload, { id, maxAttempts, metadata });
  const { queue } = definition;
  return {
    id,
    type,
    queue,
    attempt,
    maxAttempts,
    depth: 0,
    waitedMs: 0,
    traceparent: null,
    metadata,
    uniqueKey: null,
    payload: stored,
  };
};

/**
 * Runs one attempt of a job as the queue does, without a database: the payload is checked and parsed, and what the handler returns or throws becomes an
 * outcome. `job.complete(tx)` counts as committed unless the handler throws afterwards; `tx` is not used.
 *
 * @param handler - what `lambdaHandler` gives, or the work alone
 * @returns what runs one job: it throws what `enqueue` throws for a payload or for options that are wrong
 */
export const testJob =
  <Schema extends z.ZodType>(definition: JobDefinition<Schema>, handler: HandlerOf<Schema> | Work<Schema>) =>
  async (payload: z.input<Schema>, options: TestJobOptions = {}): Promise<TestedJob> => {
    const work: Work<Schema> = "work" in handler ? handler.work : handler;
    const job = leasedJob(definition, payload, options);
    const holder = { leaseId: uuidV7(), begunBy: uuidV7() };
    const gathered: Gathered = { logs: [], progress: [], enqueued: [], completedIn: null };
    const logger = gatheringLogger(gathered.logs, new Set(Object.keys(jobFields(job, holder.leaseId))));
    const running = createRunning(realTime, options.timeoutSeconds ?? definition.timeoutSeconds);
    const now = new Date();
    const details = { runAt: now, createdAt: now, priority: definition.priority, ...options.details };
    const { cancel } = options;
    const abort = (): void => running.abort([job.id], "cancelled", "the job was cancelled");

    const run: Work<Schema> = (parsed, context) => {
      cancel?.addEventListener("abort", abort);
      // While it runs: it has seen its signal by then.
      if (cancel?.aborted === true) setImmediate(abort);
      return work(parsed, withoutDatabase(context, gathered, details));
    };
    const heartbeat = {
      beat: () => Promise.resolve(true),
      look: () => undefined,
      progress: (_: string, progress: Progress) => void gathered.progress.push(progress),
      stop: () => undefined,
    };
    const ended = await runJob(depsOf(logger), { definition, work: run, holder, heartbeat, running }, job);
    cancel?.removeEventListener("abort", abort);

    const outcome = outcomeOf(ended, job, cancel?.aborted === true);
    const { logs, progress, enqueued, completedIn } = gathered;
    const { result = null } = completedIn ?? ended;
    return {
      outcome,
      result: outcome === "completed" ? result : null,
      delaySeconds: delayOf(ended, outcome, definition, job),
      error: ended.error ?? null,
      logs,
      progress,
      enqueued,
    };
  };
