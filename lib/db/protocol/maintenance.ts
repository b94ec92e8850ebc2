import type { Db } from "../drivers/client.ts";
import { call, only } from "../drivers/call.ts";

const PURGE = `/* forgeq:purge */
select partitions, jobs, leases, more from forgeq.purge($1::int, $2::timestamptz)`;

export interface Purged {
  readonly partitions: number;
  readonly jobs: number;
  readonly leases: number;
  readonly more: boolean;
}

/** Forgets what is past its retention, at most `maxRows` rows of each table; `more` says that another call may find work. */
export const purge = async (db: Db, maxRows: number, at: Date | null): Promise<Purged> =>
  only(await call<Purged>(db, PURGE, [maxRows, at]));

const REPAIR = `/* forgeq:repair */
select repaired, last_id as "lastId" from forgeq.repair($1::uuid, $2::int, $3::timestamptz)`;

/** Mends at most `maxJobs` jobs after `after`; `lastId` is null at the end of the table. */
export const repair = async (db: Db, after: string | null, maxJobs: number, at: Date | null) =>
  only(await call<{ repaired: number; lastId: string | null }>(db, REPAIR, [after, maxJobs, at]));
