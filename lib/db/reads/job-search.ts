import { idTime } from "../../core/uuid.ts";
import { type JobFilter, toWireFilter } from "../../core/job-filter.ts";
import type { JobState } from "../../core/states.ts";
import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { listTexts, type ListedRow, mergeLists, textFor } from "./list-texts.ts";
import { readError } from "./odd.ts";
import type { AttemptError } from "../protocol/settle.ts";

/** What an action on many jobs must know of each. */
export interface SelectedJob {
  readonly id: string;
  /** The newest one: an action names it. */
  readonly life: number;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  /** The last one, without its stack. */
  readonly error: AttemptError | null;
  /** Of the group of errors that it belongs to. */
  readonly fingerprint: string | null;
  readonly createdAt: Date;
}

const TEXTS = listTexts(
  "select",
  (
    list,
  ) => `select id, life, type, queue, state, error - 'stack' as error, forgeq.error_fingerprint(error) as fingerprint, created_at as "createdAt",
       searched_to as "searchedTo"
from ${list} as l`,
);

/**
 * A slice of the jobs that a filter takes, newest id first, each in its newest life, from one snapshot. Bounded as `listJobs` is: a slice may be empty and
 * have a `next`.
 *
 * @param slice.limit - 1 to 500
 * @param slice.after - the id after which to go on; null for the first slice
 */
export const selectJobs = async (
  db: Db,
  filter: JobFilter,
  slice: { readonly limit: number; readonly after: string | null },
  at: Date | null,
): Promise<{ readonly jobs: SelectedJob[]; readonly next: string | null; readonly searchedTo: Date | null }> => {
  const params = [toWireFilter(filter), slice.after, slice.limit, false, at];
  const { found, edge } = mergeLists(await call<ListedRow<SelectedJob>>(db, textFor(TEXTS, filter), params));
  const jobs = found
    .slice(0, slice.limit)
    .map(({ searchedTo: _, ...job }) => ({ ...job, error: readError(job.error) }));
  const next = found.length > jobs.length ? (jobs.at(-1)?.id ?? null) : edge;
  return { jobs, next, searchedTo: next === null ? null : idTime(next) };
};
