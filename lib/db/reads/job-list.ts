import { idTime } from "../../core/uuid.ts";
import { type JobFilter, toWireFilter } from "../../core/job-filter.ts";
import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { PAGE_BYTES, withAttempts } from "./attempts.ts";
import { listTexts, type ListedRow, mergeLists, textFor } from "./list-texts.ts";
import { readJob } from "./odd.ts";
import { type Job, JOB_COLUMNS, type JobRow } from "./jobs.ts";

export interface ListFilter extends JobFilter {
  /** 1 to 100. */
  readonly limit: number;
  /** The id after which to go on, newest first; null for the first page. */
  readonly after: string | null;
  readonly include: { readonly payload: boolean; readonly result: boolean; readonly attempts: boolean };
}

export interface JobPage {
  readonly jobs: Job[];
  /** The cursor of the page after this one, null at the end. A page that is not full may have one: the list looks at so many jobs a call at most. */
  readonly next: string | null;
  /** Every job that was made after this instant has been looked at; null at the end. */
  readonly searchedTo: Date | null;
}

type ListRow = ListedRow<JobRow & { readonly bytes: number }>;

/** What a job takes beside what it carries, about. */
const JOB_BYTES = 600;

const BYTES = ["l.payload", "l.metadata", "case when $6::boolean then l.result end", "l.error", "l.progress"]
  .map((value) => `coalesce(octet_length((${value})::text), 0)`)
  .join(" + ");

// Each list to the row that fills a page, so that no more comes over the wire; listJobs ends the page there.
const fill = (
  list: string,
) => `select ${JOB_COLUMNS}, l.payload, case when $6::boolean then l.result end as result, l.lease_id as "leaseId", l.searched_to as "searchedTo", l.bytes
from (select l.*, sum(bytes) over (order by l.ordinality) - bytes as before
      from (select l.*, ${BYTES} + ${JOB_BYTES} as bytes from ${list} as l) l) l
where id is null or before < ${PAGE_BYTES}`;

const TEXTS = listTexts("list", fill);

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
 * 20,000 finished jobs at most, fewer where they are large, and not at finished ones that are older than the live ones that it came to; see
 * migrations/functions/find_live.sql and find_finished.sql.
 */
export const listJobs = async (
  db: Db,
  { limit, after, include, ...filter }: ListFilter,
  at: Date | null,
): Promise<JobPage> => {
  const rows = await call<ListRow>(db, textFor(TEXTS, filter), [
    toWireFilter(filter),
    after,
    limit,
    include.payload,
    at,
    include.result,
  ]);
  const { found, edge } = mergeLists(rows);
  const rowsOf = found.slice(0, limit).map(readJob);
  const read = include.attempts
    ? await withAttempts(db, rowsOf, at)
    : rowsOf.map(({ leaseId: _, ...job }) => ({ job, attemptBytes: 0 }));
  const jobs = fitting(read);
  const next = found.length > jobs.length ? (jobs.at(-1)?.id ?? null) : edge;
  return {
    jobs: jobs.map(({ payload, result, ...job }) => ({
      ...job,
      ...(include.payload && { payload }),
      ...(include.result && { result }),
    })),
    next,
    searchedTo: next === null ? null : idTime(next),
  };
};
