import * as one from "../../db/reads/job.ts";
import * as jobs from "../../db/reads/jobs.ts";
import type { Deps } from "../deps.ts";

export type { Job, JobFilter } from "../../db/reads/jobs.ts";

/** A job in its newest life, with payload and attempts; null when there is none. */
export const getJob = (deps: Deps, id: string): Promise<jobs.Job | null> => one.getJob(deps.db, id, deps.clock());

/** Jobs, newest id first. `next` is the cursor of the page after this one, null at the end. */
export const listJobs = (deps: Deps, filter: jobs.JobFilter): Promise<{ jobs: jobs.Job[]; next: string | null }> =>
  jobs.listJobs(deps.db, filter, deps.clock());

/** The newest jobs that ended within the last seconds, whatever their ids are, the first to end first. */
export const finishedWithin = (deps: Deps, seconds: number, filter: one.FinishedFilter): Promise<jobs.Job[]> =>
  one.finishedWithin(deps.db, seconds, filter, deps.clock());
