import type * as z from "zod";
import type { FinishedCount, JobContext, Queryable } from "../../../lib/job.ts";
import { countFinished } from "./count-finished.ts";
import { toCsv } from "./csv.ts";
import type { generateReport } from "./job.ts";
import type { StoreReport } from "./store.ts";

/** The job's result. */
export interface Report {
  /** A path, or an `s3://` address. */
  readonly file: string;
  /** Lines of the CSV without its header. */
  readonly rows: number;
  /** Jobs that finished in the window. */
  readonly totals: { readonly completed: number; readonly dead: number; readonly cancelled: number };
  readonly from: string;
  readonly to: string;
}

export interface ReportDeps {
  readonly db: Queryable;
  readonly store: StoreReport;
  /** Rows of the history that one statement examines. */
  readonly pageRows?: number;
}

const HEADER = ["hour", "type", "state", "count"];

const totalsOf = (counts: readonly FinishedCount[]): Report["totals"] => {
  const totals = { completed: 0, dead: 0, cancelled: 0 };
  for (const { state, count } of counts) totals[state] += count;
  return totals;
};

/** How many rows lie ahead is not known, so the fraction only nears what the writing of the file completes. */
const readFraction = (pages: number): number => 0.9 * (1 - 1 / (pages + 1));

/**
 * Counts the jobs that finished in [from, to) and keeps them as `report-<job id>.csv`. Every attempt of a job writes the
 * same name, so a repeated one replaces the file.
 *
 * @throws the signal's reason when it aborts; then no file is left
 */
export const report = async (
  deps: ReportDeps,
  payload: z.output<typeof generateReport.payload>,
  job: Pick<JobContext, "id" | "signal" | "heartbeat" | "progress">,
): Promise<Report> => {
  const { pageRows } = deps;
  let pages = 0;
  const counts = await countFinished(deps, {
    from: new Date(payload.from),
    to: new Date(payload.to),
    signal: job.signal,
    onPage: async (examined) => {
      pages += 1;
      job.progress(readFraction(pages), `${examined} rows read`);
      await job.heartbeat();
    },
    ...(pageRows === undefined ? {} : { pageRows }),
  });
  const lines = counts.map(({ hour, type, state, count }) => [hour.toISOString(), type, state, count]);
  const file = await deps.store(`report-${job.id}.csv`, toCsv([HEADER, ...lines]), job.signal);
  return { file, rows: lines.length, totals: totalsOf(counts), from: payload.from, to: payload.to };
};
