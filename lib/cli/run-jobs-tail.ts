import { ForgeqError } from "../core/errors.ts";
import { toWireJob } from "../http/wire.ts";
import { getJob, type Job, listJobs } from "../queue/manage/read-jobs.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { stateStyle } from "./follow-job.ts";
import type { JobsFilterOptions } from "./run-jobs.ts";
import { paint, print, printJson } from "./terminal.ts";

/** How many jobs are watched: the newest. */
const WATCHED_JOBS = 100;
const PAUSE_SECONDS = 1;

const lineOf = (job: Job): string => {
  const error = job.error === null || job.state === "completed" ? "" : `  ${job.error.message.split("\n", 1)[0]}`;
  return `${job.id}  ${job.type}  ${paint(stateStyle(job.state), job.state)}  ${job.attempt}/${job.maxAttempts}${error}`;
};

/**
 * `forgeq jobs tail`: a line whenever one of the newest 100 jobs, or the named one, has changed its state, read every second
 * until Ctrl-C; with an id until that job has ended.
 */
export const runJobsTail = (id: string | undefined, options: JobsFilterOptions & GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema" }, async (deps) => {
    const { state, type, queue } = options;
    const filter = {
      ...(state !== undefined && { state }),
      ...(type !== undefined && { type }),
      ...(queue !== undefined && { queue }),
      limit: WATCHED_JOBS,
      after: null,
      include: { payload: false, attempts: false },
    };
    const read = async (): Promise<Job[]> => {
      if (id === undefined) return (await listJobs(deps, filter)).jobs.reverse();
      const job = await getJob(deps, id);
      if (job === null) throw new ForgeqError("not_found", `there is no job ${id}`);
      return [job];
    };
    let seen = new Map<string, string>();
    for (;;) {
      const jobs = await read();
      const now = new Map(jobs.map((job) => [job.id, `${job.state} ${job.attempt} ${job.life}`]));
      for (const job of jobs) {
        if (seen.get(job.id) === now.get(job.id)) continue;
        if (options.json === true) printJson(toWireJob(job));
        else print(lineOf(job));
      }
      seen = now;
      if (id !== undefined && jobs[0]?.finishedAt != null) return;
      await deps.sleep(PAUSE_SECONDS);
    }
  });
