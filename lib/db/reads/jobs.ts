import { DEFAULTS } from "../../core/job.ts";
import type { IdentifiedJob } from "../../core/new-job.ts";
import type { JobState } from "../../core/states.ts";
import { call, callForCaller } from "../drivers/call.ts";
import type { Db, Sql } from "../drivers/client.ts";
import type { EnqueuedRow } from "../protocol/enqueue-wire.ts";
import type { Progress } from "../protocol/leases.ts";
import type { AttemptError } from "../protocol/settle.ts";
import type { Attempt } from "./attempts.ts";

/** A job as a read shows it: its newest life. `payload` is null where its queue keeps none; a list has `payload`, `result` and `attempts` where it was asked for them. */
export interface Job {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  readonly priority: number;
  readonly payload?: unknown;
  readonly metadata: Record<string, unknown>;
  readonly uniqueKey: string | null;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly progress: Progress | null;
  readonly createdAt: Date;
  readonly runAt: Date;
  /** Of a live job that was read by itself, where it has one: no attempt is taken from then on. */
  readonly startBefore?: Date;
  /** When the newest attempt began. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly result?: unknown;
  /** The last one. */
  readonly error: AttemptError | null;
  readonly attempts?: readonly Attempt[];
  /** From 1; each retry by hand begins the next one. */
  readonly life: number;
  /** Of an earlier life: the retry that began the next one. */
  readonly retried?: Retried;
}

/** A retry by hand. */
export interface Retried {
  readonly at: Date;
  /** A key, a user of a command line, or a role of the database. */
  readonly by: string;
}

/** A job that was stored just now: what its caller gave, and what the database made of it, in the order in which a read has it. */
export const enqueuedJob = (item: IdentifiedJob, row: EnqueuedRow): Job => ({
  id: row.id,
  type: item.type,
  queue: row.queue ?? "",
  state: row.taken ?? ((row.dueSeconds ?? 0) > 0 ? "scheduled" : "pending"),
  priority: item.priority ?? row.priority ?? DEFAULTS.priority,
  metadata: item.metadata ?? {},
  uniqueKey: item.uniqueKey ?? null,
  attempt: row.taken ? 1 : 0,
  maxAttempts: item.maxAttempts ?? row.maxAttempts ?? DEFAULTS.maxAttempts,
  life: 1,
  progress: null,
  createdAt: row.createdAt ?? new Date(0),
  runAt: row.runAt ?? new Date(0),
  ...(item.startBefore && { startBefore: item.startBefore }),
  startedAt: row.taken === "running" ? row.createdAt : null,
  finishedAt: null,
  error: null,
  result: null,
});

/** What a job like this one is enqueued with. An id, a unique key and instants are a job's own. */
export const sameOptions = ({ type, queue, priority, maxAttempts, metadata }: Job) => ({
  type,
  queue,
  priority,
  maxAttempts,
  metadata,
});

/** A job as its row is read. */
export interface JobRow extends Omit<Job, "attempts"> {
  readonly leaseId: string | null;
}

/** What a list `l` shows, see forgeq.list_row, as a Job has it; without what may be large. */
export const JOB_COLUMNS = `l.id, l.type, l.queue, l.state, l.priority, l.metadata, l.unique_key as "uniqueKey", l.attempt, l.max_attempts as "maxAttempts",
l.life, l.progress, l.created_at as "createdAt", l.run_at as "runAt", l.started_at as "startedAt", l.finished_at as "finishedAt", l.error`;

export const FINISHED_STATES: readonly string[] = ["completed", "dead", "cancelled"];

const CANCEL = `/* forgeq:cancel */
select outcome, state from forgeq.cancel($1::uuid, $2::timestamptz, $3::text)`;

export interface CancelRow {
  readonly outcome: "cancelled" | "requested" | "finished" | "not_found" | "busy";
  readonly state: JobState | null;
}

/**
 * Cancels a free job, or asks the lease that holds it to. `busy`: somebody holds it right now, nothing was changed.
 *
 * @param reason - the error of the cancelled job
 */
export const cancel = async (db: Db, id: string, at: Date | null, reason: string | null = null): Promise<CancelRow> => {
  const [row] = await call<CancelRow>(db, CANCEL, [id, at, reason]);
  return row ?? { outcome: "not_found", state: null };
};

/** The same inside a caller's transaction. */
export const cancelIn = async (tx: Sql, id: string, at: Date | null, reason: string | null): Promise<CancelRow> => {
  const [row] = await callForCaller<CancelRow>(tx, CANCEL, [id, at, reason]);
  return row ?? { outcome: "not_found", state: null };
};

const RETRY = `/* forgeq:retry */
select outcome, holder_id as "holderId" from forgeq.retry($1::uuid, $2::int, $3::timestamptz, $4::json, $5)`;

export interface RetryRow {
  readonly outcome: "retried" | "live" | "stale" | "not_found" | "unique_key" | "payload_gone" | "queue_gone";
  readonly holderId: string | null;
}

/**
 * Gives a finished job its next life.
 *
 * @param life - the one that the caller saw
 * @param payload - of the new life, the old one's unless given
 * @param by - who does it, for whoever looks; the role of the database unless given
 */
export const revive = async (
  db: Db,
  id: string,
  life: number,
  at: Date | null,
  { payload, by = null }: { readonly payload?: unknown; readonly by?: string | null } = {},
): Promise<RetryRow> => {
  const text = payload === undefined ? null : JSON.stringify(payload);
  const [row] = await call<RetryRow>(db, RETRY, [id, life, at, text, by]);
  return row ?? { outcome: "not_found", holderId: null };
};

/** The same inside a caller's transaction. */
export const reviveIn = async (tx: Sql, id: string, life: number, at: Date | null): Promise<RetryRow> => {
  const [row] = await callForCaller<RetryRow>(tx, RETRY, [id, life, at, null, null]);
  return row ?? { outcome: "not_found", holderId: null };
};
