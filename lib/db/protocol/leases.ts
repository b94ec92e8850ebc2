import { call, only } from "../drivers/call.ts";
import { WITHOUT_DISK_WAIT } from "./without-disk-wait.ts";
import type { Db } from "../drivers/client.ts";
import { type LeasedDetails, type LeasedJob, type LeaseFacts, toLeasedJob } from "./leased-job.ts";
import type { AttemptError, LeaseHolder, WakeSeconds } from "./settle.ts";

export interface ClaimedLease {
  readonly id: string;
  readonly ordinal: number;
  readonly type: string;
  readonly jobs: number;
}

export interface Claimed {
  readonly outcome: "claimed" | "empty" | "full" | "busy" | "paused";
  readonly leases: readonly ClaimedLease[];
  /** Opaque; for the next claim of this queue. */
  readonly watermarks: readonly string[] | null;
  /** Where a claim that its size cut off ended; null otherwise. A claim from there misses what commits late: see docs/adr/0016. */
  readonly continued: readonly string[] | null;
  /** Another claim may find jobs immediately. */
  readonly more: boolean;
  /** Types whose handlers don't begin at present, in whatever queue: only a probe takes their jobs. Null for none. */
  readonly blocks: readonly string[] | null;
}

export interface ClaimInput {
  readonly queue: string;
  readonly claimId: string;
  /** 1 to 1,000. */
  readonly maxJobs: number;
  /** As the last claim of this queue gave them; null sweeps from the beginning. */
  readonly watermarks: readonly string[] | null;
  readonly blockedTypes: readonly string[];
  /** Seconds in which an invocation has to begin. */
  readonly dispatchSeconds: number;
  readonly at: Date | null;
}

const CLAIM = `/* forgeq:claim */
select outcome, leases, next_watermarks as watermarks, continued_watermarks as continued, more, blocks
from ${WITHOUT_DISK_WAIT}, forgeq.claim($1, $2::uuid, $3::int, $4::text[], $5::text[], $6::float8, $7::timestamptz)`;

/** Takes due jobs of one queue and makes leases of them. A job goes to exactly one caller; see migrations/functions/claim.sql. */
export const claim = async (db: Db, input: ClaimInput): Promise<Claimed> =>
  only(
    await call<Claimed>(db, CLAIM, [
      input.queue,
      input.claimId,
      input.maxJobs,
      input.watermarks,
      input.blockedTypes,
      input.dispatchSeconds,
      input.at,
    ]),
  );

interface BeginRow extends LeaseFacts {
  readonly outcome: "begun" | "lease_lost";
  readonly expiresAt: Date;
  readonly id: string | null;
  readonly runAt: Date;
  readonly payload: unknown;
  readonly details: LeasedDetails | null;
}

const BEGIN = `/* forgeq:begin */
select outcome, expires_at as "expiresAt", type, queue, max_attempts as "maxAttempts", id, run_at as "runAt", payload, details
from ${WITHOUT_DISK_WAIT}, forgeq.begin($1::uuid, $2::uuid, $3::float8, $4, $5::timestamptz)`;

export interface Begun {
  readonly jobs: readonly LeasedJob[];
  /** A dispatcher can go on: jobs of the lease have ended already, cancelled, and hold no capacity of their queue, or the type was blocked until now. */
  readonly freed: boolean;
}

/**
 * An invocation takes its lease up, once.
 *
 * @returns `"lease_lost"` when another call has begun it or it expired
 */
export const beginLease = async (
  db: Db,
  input: LeaseHolder & { readonly leaseSeconds: number; readonly invocation: string | null; readonly at: Date | null },
): Promise<Begun | "lease_lost"> => {
  const rows = await call<BeginRow>(db, BEGIN, [
    input.leaseId,
    input.begunBy,
    input.leaseSeconds,
    input.invocation,
    input.at,
  ]);
  if (rows[0]?.outcome !== "begun") return "lease_lost";
  const jobs = rows
    .filter((row): row is BeginRow & { id: string } => row.id !== null)
    .map((row) => {
      const waitedMs = Math.max(0, row.expiresAt.getTime() - input.leaseSeconds * 1000 - row.runAt.getTime());
      return toLeasedJob(row, row.id, row.payload, row.details, waitedMs);
    });
  return { jobs, freed: jobs.length < rows.length };
};

/** What a job is stored with, and its lease's answer does not say. */
export interface LeasedJobDetails {
  /** When this attempt was due. */
  readonly runAt: Date;
  readonly createdAt: Date;
  /** 0 to 9, lower first. */
  readonly priority: number;
}

const LEASED_JOB = `/* forgeq:leased_job */
select run_at as "runAt", created_at as "createdAt", priority from forgeq.leased_job($1::uuid, $2::uuid, $3::uuid)`;

/** Read for a handler that asks; null where its lease does not hold the job any more. */
export const readLeasedJob = async (
  db: Db,
  { leaseId, begunBy }: LeaseHolder,
  jobId: string,
): Promise<LeasedJobDetails | null> =>
  (await call<LeasedJobDetails>(db, LEASED_JOB, [leaseId, begunBy, jobId]))[0] ?? null;

export interface Progress {
  /** 0 to 1. */
  readonly fraction: number;
  readonly note: string | null;
}

export type Extended = { readonly cancelRequested: readonly string[] } | "busy" | "lease_lost";

const EXTEND = `/* forgeq:extend */
select outcome, cancel_requested as "cancelRequested"
from forgeq.extend($1::uuid, $2::uuid, $3::float8, $4::jsonb, $5::timestamptz)`;

/**
 * The heartbeat: moves a lease's expiry, if it has not passed, and stores progress by job id.
 *
 * @returns `"lease_lost"` when it expired or was taken back: stop the work, its result will be refused; `"busy"` when a
 * transaction of the handler's own holds the lease's row: nothing was written, try again
 */
export const extendLease = async (
  db: Db,
  input: LeaseHolder & {
    readonly leaseSeconds: number;
    readonly progress: Record<string, Progress> | null;
    readonly at: Date | null;
  },
): Promise<Extended> => {
  const row = only(
    await call<{ outcome: "extended" | "busy" | "lease_lost"; cancelRequested: string[] }>(db, EXTEND, [
      input.leaseId,
      input.begunBy,
      input.leaseSeconds,
      input.progress === null ? null : JSON.stringify(input.progress),
      input.at,
    ]),
  );
  return row.outcome === "extended" ? { cancelRequested: row.cancelRequested } : row.outcome;
};

const RELEASE = `/* forgeq:release */
select outcome, wake_seconds as "wakeSeconds"
from forgeq.release($1::uuid, $2::uuid, $3, $4::jsonb, $5::float8, $6::timestamptz)`;

/** Gives a lease back that has not begun, and blocks its type for `wakeSeconds`. `undispatched` counts a dispatch of its jobs, `throttled` does not. */
export const releaseUnbegun = async (
  db: Db,
  input: {
    readonly leaseId: string;
    readonly reason: "undispatched" | "throttled";
    readonly error: AttemptError;
    readonly at: Date | null;
  },
) =>
  only(
    await call<{ outcome: "released" | "begun" | "lease_lost"; wakeSeconds: WakeSeconds }>(db, RELEASE, [
      input.leaseId,
      null,
      input.reason,
      JSON.stringify(input.error),
      null,
      input.at,
    ]),
  );

const INVOCATION_FAILED = `/* forgeq:invocation_failed */
select outcome, wake_seconds as "wakeSeconds"
from forgeq.invocation_failed($1::uuid, $2, $3, $4::jsonb, $5::timestamptz)`;

/** What the platform says of a failed invocation; see migrations/functions/invocation_failed.sql. */
export const invocationFailed = async (
  db: Db,
  input: {
    readonly leaseId: string;
    readonly invocation: string;
    readonly reason: "function_error" | "outage" | "event_age_exceeded";
    readonly error: AttemptError;
    readonly at: Date | null;
  },
) =>
  only(
    await call<{ outcome: "released" | "recovered" | "ignored" | "closed"; wakeSeconds: WakeSeconds }>(
      db,
      INVOCATION_FAILED,
      [input.leaseId, input.invocation, input.reason, JSON.stringify(input.error), input.at],
    ),
  );

const RECOVER = `/* forgeq:recover */
select leases, jobs, more, wake_seconds as "wakeSeconds" from forgeq.recover($1::int, $2::timestamptz, $3)`;

export interface Recovered {
  readonly leases: number;
  readonly jobs: number;
  readonly more: boolean;
  readonly wakeSeconds: WakeSeconds;
}

/** Takes back the jobs of expired leases that an owner serves, null for all: at most `maxJobs`, and the rest of the last lease. `more`: there are others. */
export const recover = async (
  db: Db,
  maxJobs: number,
  at: Date | null,
  owner: string | null = null,
): Promise<Recovered> => only(await call<Recovered>(db, RECOVER, [maxJobs, at, owner]));
