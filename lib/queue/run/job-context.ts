import type * as z from "zod";
import { MAX_DELAY_SECONDS } from "../../core/backoff.ts";
import { ForgeqError } from "../../core/errors.ts";
import { thrownText } from "../../core/reason.ts";
import type { JobDefinition } from "../../core/job.ts";
import { asSql, type Queryable } from "../../db/drivers/client.ts";
import { readLeasedJob, type LeasedJobDetails as JobDetails } from "../../db/protocol/leases.ts";
import type { LeasedJob } from "../../db/protocol/leased-job.ts";
import { completeIn, type LeaseHolder } from "../../db/protocol/settle.ts";
import { CancelledByHandler, Snoozed, toResult } from "./attempt.ts";
import type { Deps, Logger } from "../deps.ts";
import { enqueueJobs } from "../enqueue/enqueue-jobs.ts";
import type { Heartbeat } from "./heartbeat.ts";
import { jobFields, handlersLogger } from "./log-fields.ts";
import type { JobOptions, NewJob } from "../../core/new-job.ts";
import { toNewJob } from "../enqueue/typed-job.ts";

export type { LeasedJobDetails as JobDetails } from "../../db/protocol/leases.ts";

/** What a handler gets in addition to its payload. */
export interface JobContext {
  readonly id: string;
  /** From 1; counts the attempts that counted, this one included. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly queue: string;
  readonly uniqueKey: string | null;
  /** Of a schedule's job: the instant of its slot, which may be long past where the slot was caught up. Null for any other. */
  readonly scheduledFor: Date | null;
  /**
   * When this attempt was due, when the job was stored, and its priority: read from the database when it is asked for the first time, so that no other job costs
   * anything for it.
   *
   * @throws {ForgeqError} `lease_lost` - another attempt has taken over, or this one has ended; `database_unavailable`
   */
  details(): Promise<JobDetails>;
  /** Aborts when the job's time is up, somebody cancels it, or its lease is lost; `signal.reason.abortCause` says which. */
  readonly signal: AbortSignal;
  /** Logs with the job's id, type, queue and attempt. Payloads stay out. */
  readonly log: Logger;
  /** Extends the lease now. Not needed for long jobs as such: leases are extended by themselves while the process lives. */
  heartbeat(): Promise<void>;
  /** @param fraction - 0 to 1 @param note - at most 200 characters */
  progress(fraction: number, note?: string): void;
  /** Ends this attempt uncounted; the job runs again in `seconds`. @param seconds - 0 to 31,536,000 @throws `invalid_job` */
  snooze(seconds: number): never;
  /**
   * Ends the job as cancelled, because its work has become pointless: nobody is paged, as for a dead one.
   *
   * @param reason - is the job's error then, as `Cancelled`
   */
  cancel(reason?: string): never;
  /**
   * Completes the job inside the handler's own read-committed transaction: its writes and the completion commit or roll back
   * together. Rolled back, the job is retried.
   *
   * @throws {ForgeqError} `lease_lost` - another attempt has taken over: roll back
   */
  complete(tx: Queryable, result?: unknown): Promise<void>;
  /**
   * Enqueues another job. One that is due within a second is one level deeper than this one, and at most 64 levels are taken: a loop ends. One that is due
   * later begins at the first level, so that a job may enqueue its successor for ever.
   *
   * @returns its id; that of the live job that holds the unique key, where there is one
   * @throws {ForgeqError} `chain_too_deep`; `lease_lost` after the end of this attempt; what `enqueue` of the package throws
   */
  enqueue<Schema extends z.ZodType>(
    definition: JobDefinition<Schema>,
    payload: z.input<Schema>,
    options?: JobOptions,
  ): Promise<string>;
}

/** What is due so much later is no loop. */
const LOOP_SECONDS = 1;

const isLater = (deps: Deps, { delaySeconds = 0, runAt }: NewJob): boolean =>
  delaySeconds >= LOOP_SECONDS ||
  (runAt !== undefined && runAt.getTime() >= (deps.clock() ?? new Date()).getTime() + LOOP_SECONDS * 1000);

const slotOf = (metadata: LeasedJob["metadata"]): Date | null => {
  const { schedule, slot_at: slot } = metadata ?? {};
  if (typeof schedule !== "string" || typeof slot !== "string") return null;
  const at = new Date(slot);
  return Number.isNaN(at.getTime()) ? null : at;
};

const NOTE_CHARACTERS = 200;

/** What no type checker has seen may be no text. */
const noteOf = (note: unknown): string | null =>
  note === undefined || note === null
    ? null
    : thrownText(note).slice(0, NOTE_CHARACTERS).replaceAll("\0", "").toWellFormed();

/** What an attempt and its context tell each other. */
export interface AttemptState {
  /** The attempt has ended: whoever goes on then acts for nobody. */
  over: boolean;
  /** The handler has completed the job inside a transaction of its own. */
  completedIn: boolean;
}

const fence = ({ over }: AttemptState): void => {
  if (over) throw new ForgeqError("lease_lost", "this attempt has ended");
};

const readDetails = async (deps: Deps, holder: LeaseHolder, jobId: string): Promise<JobDetails> => {
  const found = await readLeasedJob(deps.db, holder, jobId);
  if (found === null) throw new ForgeqError("lease_lost", "another attempt has taken this job over");
  return found;
};

export const createJobContext = (
  deps: Deps,
  input: {
    readonly job: LeasedJob;
    readonly holder: LeaseHolder;
    readonly signal: AbortSignal;
    readonly heartbeat: Heartbeat;
    readonly state: AttemptState;
  },
): JobContext => {
  const { job, holder, signal, heartbeat, state } = input;
  let details: Promise<JobDetails> | undefined;
  const log = handlersLogger(deps.logger, () => jobFields(job, holder.leaseId));
  return {
    id: job.id,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    metadata: job.metadata ?? {},
    queue: job.queue,
    uniqueKey: job.uniqueKey,
    scheduledFor: slotOf(job.metadata),
    details: async () => {
      fence(state);
      details ??= readDetails(deps, holder, job.id);
      try {
        return await details;
      } catch (error) {
        // What failed is asked for again.
        details = undefined;
        throw error;
      }
    },
    signal,
    log,
    heartbeat: async () => void (await heartbeat.beat()),
    progress: (fraction, note) => {
      heartbeat.progress(job.id, {
        fraction: Math.min(1, Math.max(0, Number.isFinite(fraction) ? fraction : 0)),
        note: noteOf(note),
      });
    },
    snooze: (seconds) => {
      // NaN would snooze for zero seconds, forever.
      if (!(seconds >= 0 && seconds <= MAX_DELAY_SECONDS))
        throw new ForgeqError("invalid_job", `job.snooze takes 0 to ${MAX_DELAY_SECONDS} seconds`);
      throw new Snoozed(seconds);
    },
    cancel: (reason = "the handler cancelled the job") => {
      throw new CancelledByHandler(thrownText(reason));
    },
    complete: async (tx, result) => {
      fence(state);
      const stored = toResult(result);
      if (stored.refused !== undefined) log.warn("the result was not kept", { reason: stored.refused });
      const completion = { id: job.id, result: stored.result };
      const settled = await completeIn(asSql(tx), holder, completion, deps.clock());
      if (settled.jobs[job.id] !== "completed")
        throw new ForgeqError("lease_lost", "another attempt has taken this job over");
      if (!settled.keptResult)
        log.warn("the result was not kept", { reason: "the database's encoding can't write it" });
      state.completedIn = true;
    },
    enqueue: async (definition, payload, options = {}) => {
      fence(state);
      const child = toNewJob(definition, payload, options);
      const [enqueued] = await enqueueJobs(deps, [
        {
          ...child,
          depth: isLater(deps, child) ? undefined : job.depth + 1,
          ...(job.traceparent === null ? {} : { traceparent: job.traceparent }),
        },
      ]);
      if (enqueued === undefined) throw new ForgeqError("internal", "an enqueue gave no answer");
      return enqueued.job.id;
    },
  };
};
