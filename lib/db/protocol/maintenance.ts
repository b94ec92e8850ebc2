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

const REPAIRED_TO = `/* forgeq:repaired_to */
select last_id as id from forgeq.tick_part where part = 'repair'`;

/** The id of the last job that ticks have examined; null: they begin again. */
export const repairedTo = async (db: Db): Promise<string | null> =>
  (await call<{ id: string | null }>(db, REPAIRED_TO, []))[0]?.id ?? null;

const SET_REPAIRED_TO = `/* forgeq:set_repaired_to */
insert into forgeq.tick_part (part, last_id) values ('repair', $1::uuid)
on conflict (part) do update set last_id = excluded.last_id where tick_part.last_id is distinct from excluded.last_id`;

export const setRepairedTo = async (db: Db, id: string | null): Promise<void> => {
  await call(db, SET_REPAIRED_TO, [id]);
};

const RECORD_PARTS = `/* forgeq:record_tick_parts */
insert into forgeq.tick_part (part, done_at)
select u.part, coalesce($3::timestamptz, clock_timestamp()) from unnest($1::text[]) as u(part) order by u.part
on conflict (part) do update
set done_at = case when excluded.part = any ($2::text[]) then excluded.done_at else coalesce(tick_part.done_at, excluded.done_at) end`;

/** Says which of the parts of a tick went without a failure. One that never has is counted from its first tick on. */
export const recordTickParts = async (
  db: Db,
  parts: readonly string[],
  done: readonly string[],
  at: Date | null,
): Promise<void> => {
  await call(db, RECORD_PARTS, [parts, done, at]);
};
