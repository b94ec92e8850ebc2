import { idTime } from "../../core/uuid.ts";
import type { JobState } from "../../core/states.ts";
import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { PAGE_BYTES, withAttempts } from "./attempts.ts";
import { readJob } from "./odd.ts";
import { FINISHED_STATES, type Job, type JobRow } from "./jobs.ts";

export interface JobFilter {
  readonly state?: JobState;
  readonly type?: string;
  readonly queue?: string;
  /** 1 to 100. */
  readonly limit: number;
  /** The id after which to go on, newest first; null for the first page. */
  readonly after: string | null;
  readonly include: { readonly payload: boolean; readonly attempts: boolean };
}

export interface JobPage {
  readonly jobs: Job[];
  /** The cursor of the page after this one, null at the end. A page that is not full may have one: the list looks at so many jobs a call at most. */
  readonly next: string | null;
  /** Every job that was made after this instant has been looked at; null at the end. */
  readonly searchedTo: Date | null;
}

type ListRow =
  | (JobRow & { readonly searchedTo: null; readonly bytes: number })
  | { readonly id: null; readonly searchedTo: string | null };

const COLUMNS = `id, life, type, queue, state, priority, payload, metadata, unique_key as "uniqueKey", attempt, max_attempts as "maxAttempts", progress,
  created_at as "createdAt", run_at as "runAt", started_at as "startedAt", finished_at as "finishedAt", result, error, lease_id as "leaseId",
  searched_to as "searchedTo", bytes`;

/** What a job takes beside what it carries, about. */
const JOB_BYTES = 600;

const BYTES = ["payload", "metadata", "result", "error", "progress"]
  .map((column) => `coalesce(octet_length(l.${column}::text), 0)`)
  .join(" + ");

// Each list to the row that fills a page, so that no more comes over the wire; listJobs ends the page there.
const fill = (list: string) => `select ${COLUMNS}
from (select l.*, sum(bytes) over (order by l.ordinality) - bytes as before
      from (select l.*, ${BYTES} + ${JOB_BYTES} as bytes from ${list} as l) l) l
where id is null or before < ${PAGE_BYTES}`;

const LIVE = "forgeq.list_live($1, $2, $3, $4::uuid, $5::int, $6::boolean, $7::timestamptz) with ordinality";
const finishedDownTo = (edge: string) =>
  `forgeq.list_finished($1, $2, $3, $4::uuid, ${edge}, $5::int, $6::boolean, $7::timestamptz) with ordinality`;

const LIST_LIVE = `/* forgeq:list_live */
${fill(LIVE)}`;

const LIST_FINISHED = `/* forgeq:list_finished */
${fill(finishedDownTo("null"))}`;

// Finished jobs are of no use to this page below where the list of live ones ends.
const LIST_ALL = `/* forgeq:list_jobs */
with live as materialized (select * from ${LIVE}),
edge as (
  select greatest(
    (select searched_to from live where id is null), (select id from live where id is not null order by id desc limit 1 offset $5::int)) as id)
${fill("live")}
union all
${fill(finishedDownTo("(select id from edge)"))}`;

const textOf = (state: JobState | null): string => {
  if (state === null) return LIST_ALL;
  return FINISHED_STATES.includes(state) ? LIST_FINISHED : LIST_LIVE;
};

/** The first of them that an answer takes: one at least. */
const fitting = (read: readonly { readonly job: Job & Sized; readonly attemptBytes: number }[]): Job[] => {
  let filled = 0;
  const end = read.findIndex(({ job, attemptBytes }, index) => {
    filled += job.bytes + attemptBytes;
    return index > 0 && filled >= PAGE_BYTES;
  });
  return (end < 0 ? read : read.slice(0, end)).map(({ job: { searchedTo: _, bytes: __, ...job } }) => job);
};

interface Sized {
  readonly bytes: number;
  readonly searchedTo: null;
}

/**
 * Jobs, newest id first, each in its newest life, from one snapshot; a page ends where four megabytes are full. One call looks at some 10,000 live and
 * 20,000 finished jobs at most, not at finished ones that are older than the live ones that it came to; see
 * migrations/functions/list_live.sql and list_finished.sql.
 */
export const listJobs = async (db: Db, filter: JobFilter, at: Date | null): Promise<JobPage> => {
  const { state = null, type = null, queue = null, limit, after, include } = filter;
  const params = [state, type, queue, after, limit, include.payload, at];
  const rows = await call<ListRow>(db, textOf(state), params);
  // Of the lists that the rows are from, the one that came less far says where this page ends.
  const ends = rows.flatMap((row) => (row.id === null && row.searchedTo !== null ? [row.searchedTo] : []));
  const edge = ends.sort().at(-1) ?? null;
  const found = rows
    .filter((row) => row.id !== null)
    .filter(({ id }) => edge === null || id >= edge)
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  const rowsOf = found.slice(0, limit).map(readJob);
  const read = include.attempts
    ? await withAttempts(db, rowsOf, at)
    : rowsOf.map(({ leaseId: _, ...job }) => ({ job, attemptBytes: 0 }));
  const jobs = fitting(read);
  const next = found.length > jobs.length ? (jobs.at(-1)?.id ?? null) : edge;
  return {
    jobs: include.payload ? jobs : jobs.map(({ payload: _, ...job }) => job),
    next,
    searchedTo: next === null ? null : idTime(next),
  };
};
