import * as list from "../../db/reads/job-list.ts";
import * as jobs from "../../db/reads/jobs.ts";
import type { Deps } from "../deps.ts";

export type { JobFilter, JobPage } from "../../db/reads/job-list.ts";
export type { Attempt, Job } from "../../db/reads/jobs.ts";

/** A job in its newest life, with payload and attempts; null when there is none. */
export const getJob = (deps: Deps, id: string): Promise<jobs.Job | null> => jobs.getJob(deps.db, id, deps.clock());

/** Jobs, newest id first: a page, and where the next one begins. */
export const listJobs = (deps: Deps, filter: list.JobFilter): Promise<list.JobPage> =>
  list.listJobs(deps.db, filter, deps.clock());
