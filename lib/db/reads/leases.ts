import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import type { Progress } from "../protocol/leases.ts";
import type { Part } from "./part.ts";

/** A lease that is open. */
export interface OpenLease {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Jobs that it still holds. */
  readonly jobs: number;
  /** The first 100 of them. */
  readonly jobIds: readonly string[];
  readonly createdAt: Date;
  /** Null: not yet. */
  readonly beganAt: Date | null;
  readonly expiresAt: Date;
  readonly expired: boolean;
  readonly invocation: string | null;
  readonly cancelRequested: readonly string[];
  readonly progress: Readonly<Record<string, Progress>>;
}

const LEASES = `/* forgeq:list_leases */
select id, type, queue, jobs, job_ids as "jobIds", created_at as "createdAt", began_at as "beganAt", expires_at as "expiresAt",
       expires_at <= coalesce($5::timestamptz, clock_timestamp()) as expired, invocation, cancel_requested as "cancelRequested", progress
from forgeq.list_leases($1::text[], $2::text[], $3::uuid, $4::int)`;

/** Open leases, oldest first: a page after the lease `after`. */
export const readLeases = async (
  db: Db,
  { types, queues }: Part,
  page: { readonly limit: number; readonly after: string | null },
  at: Date | null,
): Promise<{ readonly leases: OpenLease[]; readonly next: string | null }> => {
  const found = await call<OpenLease>(db, LEASES, [types, queues, page.after, page.limit + 1, at]);
  const leases = found.slice(0, page.limit);
  return { leases, next: found.length > leases.length ? (leases.at(-1)?.id ?? null) : null };
};

/** A worker that listens, or whatever else holds leases that have begun. */
export interface WorkerRow {
  /** Null where it does not listen. */
  readonly id: string | null;
  readonly invocation: string | null;
  readonly listening: boolean;
  /** What it offers to work for; null: all queues. */
  readonly queues: readonly string[] | null;
  readonly types: readonly string[];
  readonly offersUntil: Date | null;
  readonly leases: number;
  readonly jobs: number;
  /** When the oldest of its leases began. */
  readonly since: Date | null;
}

const WORKERS = `/* forgeq:list_workers */
select id, invocation, listening, queues_offered as queues, types_offered as types, offers_until as "offersUntil", leases, jobs, since
from forgeq.list_workers($1::text[], $2::text[], $3::int, $4::timestamptz)`;

/** Those with most jobs first, as many as `limit`. */
export const readWorkers = (db: Db, { types, queues }: Part, limit: number, at: Date | null): Promise<WorkerRow[]> =>
  call<WorkerRow>(db, WORKERS, [types, queues, limit, at]);
