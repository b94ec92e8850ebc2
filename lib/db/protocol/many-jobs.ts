import type { JobState } from "../../core/states.ts";
import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** Jobs of one call at most. */
export const MAX_MANY = 500;

/** A job, and the life of it that is meant; null is whichever is the newest. */
export interface NamedJob {
  readonly id: string;
  readonly life: number | null;
}

const idsOf = (jobs: readonly NamedJob[]): string[] => jobs.map(({ id }) => id);

/** Null where no job names a life: SQL then looks at none. */
const livesOf = (jobs: readonly NamedJob[]): (number | null)[] | null =>
  jobs.some(({ life }) => life !== null) ? jobs.map(({ life }) => life) : null;

const RETRY_MANY = `/* forgeq:retry_many */
select id, outcome from forgeq.retry_many($1::uuid[], $2::int[], $3::timestamptz, $4::timestamptz, $5)`;

export interface Retried {
  readonly id: string;
  readonly outcome: "retried" | "live" | "stale" | "not_found" | "unique_key" | "payload_gone" | "queue_gone";
}

/**
 * Gives finished jobs their next lives. Sent again it changes nothing.
 *
 * @param before - a life that ended later is stale
 * @param by - who does it, for whoever looks; the role of the database unless given
 */
export const retryMany = (
  db: Db,
  jobs: readonly (NamedJob & { readonly life: number })[],
  before: Date | null,
  at: Date | null,
  by: string | null = null,
): Promise<Retried[]> => call<Retried>(db, RETRY_MANY, [idsOf(jobs), jobs.map(({ life }) => life), before, at, by]);

const CANCEL_MANY = `/* forgeq:cancel_many */
select id, outcome, state from forgeq.cancel_many($1::uuid[], $2::int[], $3::timestamptz, $4::text)`;

export interface Cancelled {
  readonly id: string;
  readonly outcome: "cancelled" | "requested" | "finished" | "not_found" | "busy" | "stale";
  readonly state: JobState | null;
}

/** Cancels free jobs, and asks the leases that hold others to. Sent again it gives the first answer. @param reason - the error of the cancelled jobs */
export const cancelMany = (
  db: Db,
  jobs: readonly NamedJob[],
  at: Date | null,
  reason: string | null = null,
): Promise<Cancelled[]> => call<Cancelled>(db, CANCEL_MANY, [idsOf(jobs), livesOf(jobs), at, reason]);

const DELETE_MANY = `/* forgeq:delete_many */
select id, outcome from forgeq.delete_many($1::uuid[], $2::int[], $3::timestamptz, $4::timestamptz)`;

export interface Deleted {
  readonly id: string;
  readonly outcome: "deleted" | "not_found" | "live" | "stale";
}

/** Forgets finished jobs, all their lives and attempts. @param before - a life that ended later is stale */
export const deleteMany = (
  db: Db,
  jobs: readonly NamedJob[],
  before: Date | null,
  at: Date | null,
): Promise<Deleted[]> => call<Deleted>(db, DELETE_MANY, [idsOf(jobs), livesOf(jobs), before, at]);

const RESCHEDULE_MANY = `/* forgeq:reschedule_many */
select id, outcome, state, queue, due_seconds as "dueSeconds"
from forgeq.reschedule_many($1::uuid[], $2::int[], $3::timestamptz, $4::float8, $5::smallint, $6::timestamptz)`;

/** To where jobs are moved; what is absent stays as it is. */
export interface Reschedule {
  readonly runAt?: Date;
  /** From now on. */
  readonly delaySeconds?: number;
  readonly priority?: number;
}

export interface Rescheduled {
  readonly id: string;
  readonly outcome: "rescheduled" | "held" | "finished" | "not_found" | "busy" | "stale";
  readonly state: JobState | null;
  readonly queue: string | null;
  readonly dueSeconds: number | null;
}

/** Moves jobs that wait. Sent again it gives the first answer. */
export const rescheduleMany = (
  db: Db,
  jobs: readonly NamedJob[],
  { runAt, delaySeconds, priority }: Reschedule,
  at: Date | null,
): Promise<Rescheduled[]> =>
  call<Rescheduled>(db, RESCHEDULE_MANY, [
    ...[idsOf(jobs), livesOf(jobs), runAt ?? null, delaySeconds ?? null, priority ?? null, at],
  ]);
