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
select repaired, redated, last_id as "lastId" from forgeq.repair($1::uuid, $2::int, $3::timestamptz, $4::timestamptz)`;

export interface Repaired {
  readonly repaired: number;
  /** Jobs that waited for what the clock was before it went back. */
  readonly redated: number;
  /** Null at the end of the table. */
  readonly lastId: string | null;
}

/** Mends at most `maxJobs` jobs after `after`. `clockWas` is null unless the clock has gone back. */
export const repair = async (
  db: Db,
  after: string | null,
  maxJobs: number,
  at: Date | null,
  clockWas: Date | null = null,
): Promise<Repaired> => only(await call<Repaired>(db, REPAIR, [after, maxJobs, at, clockWas]));

const CHECK_CLOCK = `/* forgeq:check_clock */
select forgeq.check_clock($1::timestamptz) as "behindSeconds"`;

/** Seconds by which the database's clock went back since the last tick, 0 for none; mends what would wait for it to catch up. */
export const checkClock = async (db: Db, at: Date | null): Promise<number> =>
  only(await call<{ behindSeconds: number }>(db, CHECK_CLOCK, [at])).behindSeconds;

const REPAIR_POSITION = `/* forgeq:repair_position */
select last_id as "lastId", clock_was as "clockWas" from forgeq.tick_part where part = 'repair'`;

/** Where ticks are in examining the live jobs. */
export interface RepairPosition {
  /** Of the last job that was examined; null: they begin again. */
  readonly lastId: string | null;
  readonly clockWas: Date | null;
}

export const repairPosition = async (db: Db): Promise<RepairPosition> =>
  (await call<RepairPosition>(db, REPAIR_POSITION, []))[0] ?? { lastId: null, clockWas: null };

const MOVE_REPAIR = `/* forgeq:move_repair */
select forgeq.move_repair($1::uuid, $2::uuid, $3::timestamptz)`;

/** Moves the position, unless another tick has moved it meanwhile. */
export const moveRepair = async (db: Db, from: RepairPosition, lastId: string | null): Promise<void> => {
  await call(db, MOVE_REPAIR, [from.lastId, lastId, from.clockWas]);
};

const RECORD_PARTS = `/* forgeq:record_tick_parts */
select forgeq.record_tick_parts($1::text[], $2::text[], $3::timestamptz, $4)`;

/** Says which of the parts of a tick went without a failure. One that never has is counted from its first tick on. */
export const recordTickParts = async (
  db: Db,
  parts: readonly string[],
  done: readonly string[],
  at: Date | null,
  owner: string | null = null,
): Promise<void> => {
  await call(db, RECORD_PARTS, [parts, done, at, owner]);
};

const TIDY = `/* forgeq:tidy */
select behind_seconds as "behindSeconds", repaired, redated, more from forgeq.tidy($1::int, $2::text[], $3::timestamptz)`;

/** What a tick found that was made by one call. */
export interface Tidied extends Omit<Repaired, "lastId"> {
  /** Seconds by which the database's clock went back; 0 for none. */
  readonly behindSeconds: number;
  /** There is work for a whole tick. */
  readonly more: boolean;
}

/** What a tick does that finds nothing to do, in one call. @param parts - recorded as done */
export const tidy = async (db: Db, maxRows: number, parts: readonly string[], at: Date | null): Promise<Tidied> =>
  only(await call<Tidied>(db, TIDY, [maxRows, parts, at]));
