import type { JobState } from "../../core/states.ts";
import { call, callForCaller } from "../drivers/call.ts";
import { instantOfJson } from "../drivers/columns.ts";
import type { Db, Sql } from "../drivers/client.ts";
import { withAttempts } from "./attempts.ts";
import { readJob } from "./odd.ts";
import { FINISHED_STATES, type Job, JOB_COLUMNS, type JobRow } from "./jobs.ts";

export const WHOLE_JOB = `${JOB_COLUMNS}, l.payload, l.result, l.lease_id as "leaseId"`;

/** After a relation `h` of rows of the history: what a list shows of them. */
export const LISTED = "cross join lateral forgeq.list_row(h, h.state::text, null, true) l";

/** The attempts say when a live job began last, and its last error. */
const GET_LIVE = `/* forgeq:get_live */
select ${WHOLE_JOB}, j.start_before as "startBefore"
from (select coalesce($1::timestamptz, clock_timestamp()) as now) clock
cross join forgeq.job j
left join forgeq.lease on lease.claim_id = j.claim_id and j.id = any (lease.job_ids)
left join lateral (
  select (array_agg(a.began_at order by a.ended_at desc) filter (where a.began_at is not null))[1] as began_at,
         (array_agg(a.error order by a.ended_at desc))[1] as error
  from forgeq.attempts_of(array[j.id], clock.now) a
  where a.life = coalesce(j.life, 1)) last on true
cross join lateral forgeq.live_row(j, lease, last.began_at, last.error, clock.now, true) l
where j.id = $2::uuid`;

const GET_FINISHED = `/* forgeq:get_finished */
select ${WHOLE_JOB}
from forgeq.newest_life($2::uuid, coalesce($1::timestamptz, clock_timestamp())) h
${LISTED}`;

/** What a job does not have is not shown. */
const shown = ({ startBefore, ...row }: JobRow): JobRow => (startBefore ? { ...row, startBefore } : row);

/** A job with its payload and its newest attempts, or null. */
export const getJob = async (db: Db, id: string, at: Date | null): Promise<Job | null> => {
  // Live, finished, then live again: a job may finish, or be revived, between two reads.
  for (const text of [GET_LIVE, GET_FINISHED, GET_LIVE]) {
    const rows = await call<JobRow>(db, text, [at, id]);
    if (rows.length > 0) return (await withAttempts(db, rows.map(readJob).map(shown), at))[0]?.job ?? null;
  }
  return null;
};

type Instant = "createdAt" | "runAt" | "startedAt" | "finishedAt";
/** As a caller's client gives it: see `asSql`. */
type CallersRow = Omit<JobRow, Instant | "startBefore"> &
  Record<"createdAt" | "runAt", string> &
  Record<"startedAt" | "finishedAt", string | null> & { readonly startBefore?: string | null };

const withInstants = ({ startBefore = null, ...row }: CallersRow): JobRow => ({
  ...row,
  ...(startBefore !== null && { startBefore: instantOfJson(startBefore) }),
  createdAt: instantOfJson(row.createdAt),
  runAt: instantOfJson(row.runAt),
  startedAt: row.startedAt === null ? null : instantOfJson(row.startedAt),
  finishedAt: row.finishedAt === null ? null : instantOfJson(row.finishedAt),
});

/** The same inside a caller's transaction, without attempts. */
export const getJobIn = async (tx: Sql, id: string, at: Date | null): Promise<Job | null> => {
  for (const text of [GET_LIVE, GET_FINISHED, GET_LIVE]) {
    const [row] = await callForCaller<CallersRow>(tx, text, [at, id]);
    if (row === undefined) continue;
    const { leaseId: _, ...job } = readJob(withInstants(row));
    return job;
  }
  return null;
};

const FINISHED_SINCE = `/* forgeq:finished_since */
select ${WHOLE_JOB}
from (select coalesce($1::timestamptz, clock_timestamp()) as now) clock
cross join lateral forgeq.finished_since(clock.now - make_interval(secs => $2::float8), $3::int, $4::text, $5::text, $6::text, clock.now) h
${LISTED}
order by h.finished_at, h.id`;

export interface FinishedFilter {
  readonly type?: string;
  readonly queue?: string;
  readonly state?: JobState;
  readonly limit: number;
}

/** The newest jobs that ended within the last seconds, whatever their ids are, the first to end first. None for a state of live jobs. */
export const finishedWithin = async (
  db: Db,
  seconds: number,
  filter: FinishedFilter,
  at: Date | null,
): Promise<Job[]> => {
  const { type = null, queue = null, state = null, limit } = filter;
  if (state !== null && !FINISHED_STATES.includes(state)) return [];
  const rows = await call<JobRow>(db, FINISHED_SINCE, [at, seconds, limit, type, queue, state]);
  return rows.map(readJob).map(({ leaseId: _, ...job }) => job);
};
