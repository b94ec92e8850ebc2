import { userInfo } from "node:os";
import { ForgeqError, isUnanswered } from "../core/errors.ts";
import type { JobFilter } from "../core/job-filter.ts";
import type { JobState } from "../core/states.ts";
import { toWireJob } from "../http/wire.ts";
import { cancelJob } from "../queue/manage/cancel-job.ts";
import type { Deps } from "../queue/deps.ts";
import { getJob, getLife, type Job, type JobPage, listJobs } from "../queue/manage/read-jobs.ts";
import { retryJob } from "../queue/manage/retry-job.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { stateStyle } from "./follow-job.ts";
import { type FilterOptions, toJobFilter } from "./job-filter.ts";
import { showJob } from "./show-job.ts";
import { wholeId } from "./whole-id.ts";
import { COLUMNS } from "./columns.ts";
import { printedTable } from "./table.ts";
import { firstLine, paint, print, printable, printJson, say } from "./terminal.ts";

const PAGE_JOBS = 100;

export interface JobsFilterOptions {
  readonly state?: JobState;
  readonly type?: string;
  readonly queue?: string;
}

export interface JobsListOptions extends FilterOptions {
  readonly limit: number;
  readonly all?: boolean;
  readonly include?: readonly string[];
}

/** The filter that the options of `forgeq jobs tail` give. */
export const filterOf = ({ state, type, queue }: JobsFilterOptions): JobFilter => ({
  ...(state !== undefined && { states: [state] }),
  ...(type !== undefined && { types: [type] }),
  ...(queue !== undefined && { queues: [queue] }),
});

const shortTime = (at: Date | null): string => at?.toISOString().replace(/\.\d+Z$/, "Z") ?? "";

const rowOf = (job: Job): string[] => [
  job.id,
  printable(job.type),
  printable(job.queue),
  paint(stateStyle(job.state), job.state),
  `${job.attempt}/${job.maxAttempts}`,
  shortTime(job.finishedAt ?? job.runAt),
  job.state === "completed" ? "" : firstLine(job.error?.message ?? ""),
];

/** `forgeq jobs list`: newest first. A job a line, as soon as its page was read. */
export const runJobsList = async (options: JobsListOptions & GlobalOptions): Promise<void> => {
  const filter = toJobFilter(options);
  return withDeps(options, { migrate: "schema", part: "read" }, async (deps) => {
    const include = {
      payload: options.include?.includes("payload") === true,
      result: options.include?.includes("result") === true,
      attempts: options.include?.includes("attempts") === true,
    };
    const table = printedTable(COLUMNS.jobs, options);
    let listed = 0;
    let left = options.all === true ? Infinity : options.limit;
    let after: string | null = null;
    do {
      const limit = Math.min(PAGE_JOBS, left);
      const page: JobPage = await listJobs(deps, {
        ...filter,
        limit,
        after,
        include,
      });
      if (options.json === true) for (const job of page.jobs) printJson(toWireJob(job));
      else if (page.jobs.length > 0) table.print(page.jobs.map(rowOf));
      listed += page.jobs.length;
      left -= page.jobs.length;
      after = page.next;
    } while (after !== null && left > 0);
    if (options.json === true) return;
    if (listed === 0 && Object.keys(filter).length > 0) return say("No job meets the filter.");
    if (listed === 0) return say("No jobs. Enqueue one: forgeq enqueue --type TYPE --payload JSON");
    table.end();
    if (after !== null) say("There are more: --limit, --all, or a filter.");
  });
};

/** @throws {ForgeqError} `not_found` */
export const required = (job: Job | null, id: string): Job => {
  if (job === null) throw new ForgeqError("not_found", `there is no job ${id}`);
  return job;
};

export interface JobsShowOptions {
  readonly life?: number;
}

/** A job in its newest life, or in an earlier one. @throws {ForgeqError} `not_found` */
const inLife = async (deps: Deps, id: string, life: number | undefined): Promise<Job> => {
  const job = required(await getJob(deps, id), id);
  if (life === undefined || life === job.life) return job;
  const earlier = life < job.life ? await getLife(deps, id, life) : null;
  if (earlier !== null) return earlier;
  throw new ForgeqError(
    "not_found",
    `there is no life ${life} of this job, or it is no longer kept; its newest is ${job.life}`,
  );
};

/** `forgeq jobs show` */
export const runJobsShow = (given: string, options: JobsShowOptions & GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "read" }, async (deps) => {
    const id = await wholeId(deps, given);
    const job = await inLife(deps, id, options.life);
    if (options.json === true) return printJson(toWireJob(job));
    print(showJob(job));
    if (job.life > 1) say(`The life before: forgeq jobs show ${id} --life ${job.life - 1}`);
  });

/** Does one thing to several jobs; the others are done although one can't be, and the exit code says so. */
export const eachJob = (
  ids: readonly string[],
  options: GlobalOptions,
  act: (deps: Deps, id: string) => Promise<string>,
): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "api" }, async (deps) => {
    for (const given of ids) {
      let id = given;
      try {
        id = await wholeId(deps, given);
        say(`${id}: ${await act(deps, id)}`);
        const job = await getJob(deps, id);
        if (options.json === true && job !== null) printJson(toWireJob(job));
      } catch (error) {
        if (!(error instanceof ForgeqError) || isUnanswered(error)) throw error;
        say(`${printable(id)}: ${printable(error.message)}`);
        process.exitCode = 1;
      }
    }
  });

export interface JobsRetryOptions {
  readonly life?: number;
}

/** `forgeq jobs retry`: retries the life that it saw, or the one that was named. */
export const runJobsRetry = (ids: readonly string[], options: JobsRetryOptions & GlobalOptions): Promise<void> =>
  eachJob(ids, options, async (deps, id) => {
    const life = options.life ?? required(await getJob(deps, id), id).life;
    const outcome = await retryJob(deps, id, { life, by: userInfo().username });
    if (outcome === "not_found") return required(null, id).id;
    if ("illegal" in outcome)
      throw new ForgeqError("illegal_state", `it is ${outcome.illegal}: only jobs that have ended are retried`);
    return `lives again, in life ${outcome.life}, attempts from zero`;
  });

export interface JobsCancelOptions {
  readonly reason?: string;
}

/** `forgeq jobs cancel` */
export const runJobsCancel = (ids: readonly string[], options: JobsCancelOptions & GlobalOptions): Promise<void> =>
  eachJob(ids, options, async (deps, id) => {
    const outcome = await cancelJob(deps, id, options.reason ?? null);
    if (outcome === "not_found") return required(null, id).id;
    if (typeof outcome === "object")
      throw new ForgeqError("illegal_state", `it has ended already: ${outcome.finished}`);
    return outcome === "requested" ? "cancel requested: its handler learns of it within a heartbeat" : "cancelled";
  });
