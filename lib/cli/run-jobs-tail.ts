import { ForgeqError } from "../core/errors.ts";
import { toWireJob } from "../http/wire.ts";
import { finishedWithin, getJob, type Job, listJobs } from "../queue/manage/read-jobs.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { stateStyle } from "./follow-job.ts";
import { filterOf, type JobsFilterOptions } from "./run-jobs.ts";
import { paint, print, printable, printJson } from "./terminal.ts";

/** How many jobs are watched: the newest. */
const WATCHED_JOBS = 100;
const PAUSE_SECONDS = 1;
/** Far more than a page and what ends in a few seconds: a job that is forgotten is told twice. */
const MOST_TOLD = 10_000;

const lineOf = (job: Job): string => {
  const error =
    job.error === null || job.state === "completed" ? "" : `  ${printable(job.error.message.split("\n", 1)[0]!)}`;
  return `${job.id}  ${printable(job.type)}  ${paint(stateStyle(job.state), job.state)}  ${job.attempt}/${job.maxAttempts}${error}`;
};

/**
 * Says whether a job is news, which it is no more then: it has changed since it was asked about, among the last `most` jobs. The newest page and what has
 * ended lately name the same jobs, and either may have been read before the other.
 */
export const createNews = (most = MOST_TOLD): ((job: Job) => boolean) => {
  const told = new Map<string, Pick<Job, "state" | "attempt" | "life" | "finishedAt">>();
  return (job) => {
    const before = told.get(job.id);
    const isNews =
      before === undefined ||
      job.life > before.life ||
      (job.life === before.life &&
        before.finishedAt === null &&
        (job.state !== before.state || job.attempt !== before.attempt));
    const { state, attempt, life, finishedAt } = job;
    told.delete(job.id);
    told.set(job.id, isNews ? { state, attempt, life, finishedAt } : before);
    if (told.size > most) told.delete(told.keys().next().value ?? "");
    return isNews;
  };
};

/** An end is looked for so much longer than a read takes: it is seen when its transaction commits, which is later than the instant it has. */
const COMMIT_SECONDS = 10;

/**
 * `forgeq jobs tail`: a line whenever one of the newest 100 jobs, or the named one, has changed its state, or any job has ended, read every second
 * until Ctrl-C; with an id until that job has ended. A job with an older id than those is told of when it ends.
 */
export const runJobsTail = (id: string | undefined, options: JobsFilterOptions & GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "read" }, async (deps) => {
    const { state, type, queue } = options;
    const filter = {
      ...(state !== undefined && { state }),
      ...(type !== undefined && { type }),
      ...(queue !== undefined && { queue }),
      limit: WATCHED_JOBS,
    };
    const startedMs = deps.time.elapsedMs();
    const secondsSince = (ms: number): number => (deps.time.elapsedMs() - ms) / 1000;
    let readMs = startedMs;
    const read = async (): Promise<Job[]> => {
      if (id !== undefined) {
        const job = await getJob(deps, id);
        if (job === null) throw new ForgeqError("not_found", `there is no job ${id}`);
        return [job];
      }
      const within = Math.min(secondsSince(readMs) + COMMIT_SECONDS, secondsSince(startedMs));
      readMs = deps.time.elapsedMs();
      const page = await listJobs(deps, {
        ...filterOf(options),
        limit: WATCHED_JOBS,
        after: null,
        include: { payload: false, result: options.json === true, attempts: false },
      });
      return [...page.jobs.reverse(), ...(await finishedWithin(deps, within, filter))];
    };
    const isNews = createNews();
    for (;;) {
      const jobs = await read();
      for (const job of jobs) {
        if (!isNews(job)) continue;
        if (options.json === true) printJson(toWireJob(job));
        else print(lineOf(job));
      }
      if (id !== undefined && jobs[0]?.finishedAt != null) return;
      await deps.sleep(PAUSE_SECONDS);
    }
  });
