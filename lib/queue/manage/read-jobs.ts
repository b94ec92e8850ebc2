import * as attempts from "../../db/reads/attempts.ts";
import * as one from "../../db/reads/job.ts";
import * as list from "../../db/reads/job-list.ts";
import type { Job } from "../../db/reads/jobs.ts";
import * as lives from "../../db/reads/lives.ts";
import type { Deps } from "../deps.ts";

export type { JobPage, ListFilter } from "../../db/reads/job-list.ts";
export type { Attempt } from "../../db/reads/attempts.ts";
export type { Job } from "../../db/reads/jobs.ts";

/** A job in its newest life, with payload and its newest attempts; null when there is none. */
export const getJob = (deps: Deps, id: string): Promise<Job | null> => one.getJob(deps.db, id, deps.clock());

/** A job as an earlier life of it ended; null where that is not kept. */
export const getLife = (deps: Deps, id: string, life: number): Promise<Job | null> =>
  lives.getLife(deps.db, id, life, deps.clock());

/** The lives of a job from `upto` on downwards, the newest first: a page, and the life that the next one begins with. */
export const listLives = (
  deps: Deps,
  id: string,
  page: { readonly upto: number; readonly limit: number },
): ReturnType<typeof lives.listLives> => lives.listLives(deps.db, id, page, deps.clock());

/** The attempts of a job that was read, newest first: a page, and where the next one begins. */
export const listAttempts = (
  deps: Deps,
  job: Job,
  page: { readonly limit: number; readonly after: string | null },
): ReturnType<typeof attempts.attemptPage> => attempts.attemptPage(deps.db, job, page, deps.clock());

/** Jobs, newest id first: a page, and where the next one begins. */
export const listJobs = (deps: Deps, filter: list.ListFilter): Promise<list.JobPage> =>
  list.listJobs(deps.db, filter, deps.clock());

/** The newest jobs that ended within the last seconds, whatever their ids are, the first to end first. */
export const finishedWithin = (deps: Deps, seconds: number, filter: one.FinishedFilter): Promise<Job[]> =>
  one.finishedWithin(deps.db, seconds, filter, deps.clock());
