import type { CloudWatchMetric } from "../core/metric-names.ts";
import type { Db } from "../db/drivers/client.ts";
import type { IdentifiedJob } from "../core/new-job.ts";
import type { EnqueuedRow } from "../db/protocol/enqueue-wire.ts";
import type { LeasedJob } from "../db/protocol/leased-job.ts";
import type { Ended } from "../db/protocol/settle.ts";
import type { Time } from "./time.ts";

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** What a metric is of. `type` is a dimension only where it was asked for: each combination is billed. */
export interface Dimensions {
  readonly queue?: string;
  readonly type?: string;
}

/** Metrics that functions write themselves. The counters of `GET /metrics` come from Postgres instead. */
export interface Metrics {
  /** Adds to what is counted since the last flush. */
  count(name: CloudWatchMetric, value: number, dimensions?: Dimensions): void;
  /** One observation of a duration or a level. */
  observe(name: CloudWatchMetric, value: number, dimensions?: Dimensions): void;
  /** Writes what was gathered; at the latest when an invocation ends. */
  flush(): void;
}

/** What a stored job is known by in a trace. */
export interface TracedJob {
  readonly id: string;
  readonly queue: string | null;
}

/**
 * Spans around what is enqueued and what is attempted, active while the work runs. `work` gets the W3C traceparent of its
 * span: the given one where nothing is traced.
 */
export interface Tracing {
  /** @param stored - gives, of the result of `work`, the jobs that carry the traceparent */
  send<Result>(
    input: { readonly traceparent: string | undefined; readonly jobs: number },
    work: (traceparent: string | undefined) => Promise<Result>,
    stored: (result: Result) => readonly TracedJob[],
  ): Promise<Result>;
  process(job: LeasedJob, work: (traceparent: string | null) => Promise<Ended>): Promise<Ended>;
  /** Waits, 2 s at most unless given, until what was traced is exported: before an invocation or a process ends. Never throws. */
  flush(longestMs?: number): Promise<void>;
}

/**
 * How the platform took an asynchronous invoke. `accepted` proves nothing but that it was queued; `refused` will not
 * get better by itself (missing function, denied permission); `ambiguous` may have been accepted.
 */
export type InvokeOutcome = "accepted" | "throttled" | "refused" | "failed" | "ambiguous";

export interface Invoker {
  invoke(functionName: string, event: unknown): Promise<{ readonly outcome: InvokeOutcome; readonly message?: string }>;
}

/** Whether a wake of a minute is to come. `armed_before` is as good as `armed`. */
export interface ArmOutcome {
  readonly outcome: "armed" | "armed_before" | "failed";
  readonly message?: string;
}

/** Wakes the scheduler once in a minute that is named. Create-only: a wake that is there is never moved or taken away. */
export interface Armer {
  /** @param minuteMs - the beginning of the minute, milliseconds since 1970 */
  arm(minuteMs: number): Promise<ArmOutcome>;
}

export interface Config {
  readonly service: string;
  readonly stage: string;
  readonly wakeMode: "always" | "armed";
  /** Null where no dispatcher can be invoked: jobs then wait for the next tick. */
  /** Whose types and queues its dispatcher, tick and handlers serve, besides those of nobody: SERVICE-STAGE, or "" for none. Absent: everybody's. */
  readonly owner?: string;
  readonly dispatcherFunction: string | null;
  readonly handlerFunction: (type: string) => string;
  /** The producer invokes the handler itself when the queue has spare capacity. Off unless given; needs the right to invoke. */
  readonly eager?: boolean;
  /** FORGEQ_LOG_URL as it is set: see parseLogUrl. */
  readonly logUrl?: string | null;
}

/** A worker of this process, which may begin what the process stores. */
export interface LocalStart {
  /** Stores jobs whose ids were made for this call, as enqueueMany does. Null: it has no capacity, other jobs come first, or it does not run such jobs. */
  store(items: readonly IdentifiedJob[]): Promise<readonly EnqueuedRow[]> | null;
}

/** What every use case takes first. `clock()` is null in production, where Postgres' clock decides; an instant in tests. */
export interface Deps {
  readonly db: Db;
  readonly clock: () => Date | null;
  readonly random: () => number;
  readonly sleep: (seconds: number, signal?: AbortSignal) => Promise<void>;
  readonly time: Time;
  readonly invoker: Invoker;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing;
  /**
   * Tells workers that jobs fall due in `wakeSeconds`: those of this process, and others where LISTEN works. Absent on Lambda. Never throws; a lost hint costs
   * time, never a job. `announced`: the workers of other processes have been told already.
   */
  readonly hintWorkers?: (wakeSeconds: number, queue: string | undefined, announced?: boolean) => Promise<void>;
  /** Absent where no worker runs. */
  readonly localStart?: LocalStart;
  /** Wakes the scheduler at a minute to come. Absent in the wake mode `always`, where it comes every minute. */
  readonly armer?: Armer;
  readonly config: Config;
}
