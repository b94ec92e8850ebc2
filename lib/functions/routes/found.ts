/** What the routes say of things that are not there, or that the key may not use. */
import { ForgeqError } from "../../core/errors.ts";
import { NAME_PATTERN } from "../../core/job.ts";
import { isBound, mayUse, mayUseQueue } from "../../http/access.ts";
import type { ApiKey } from "../../http/api-keys.ts";
import type { HttpRequest, HttpResponse } from "../../http/router.ts";
import { uuidOf } from "../../http/schemas.ts";
import type { Deps } from "../../queue/deps.ts";
import { getJob, getLife, type Job } from "../../queue/manage/read-jobs.ts";

export const notFound = (what: string): ForgeqError => new ForgeqError("not_found", `There is no such ${what}`);

export const ok = (body: unknown): HttpResponse => ({ status: 200, body });

export const illegal = (action: string, state: string): ForgeqError =>
  new ForgeqError("illegal_state", `A job that is ${state} can't be ${action}`, { state });

/** The path's job id; one that can't be an id is one that is not there. */
export const idOf = ({ params }: Pick<HttpRequest, "params">): string => {
  const id = uuidOf(params["id"]);
  if (id === null) throw notFound("job");
  return id;
};

/** What the key may not use is not there for it. */
export const readJob = async (deps: Deps, key: ApiKey, id: string): Promise<Job> => {
  const job = await getJob(deps, id);
  if (job === null || !mayUse(key, job)) throw notFound("job");
  return job;
};

/** The same in one of its lives, its newest unless one is named. */
export const readLife = async (deps: Deps, key: ApiKey, id: string, life: number | undefined): Promise<Job> => {
  const newest = await readJob(deps, key, id);
  if (life === undefined || life === newest.life) return newest;
  const earlier = life < newest.life ? await getLife(deps, id, life) : null;
  if (earlier === null)
    throw new ForgeqError("not_found", `There is no life ${life} of this job, or it is no longer kept`);
  return earlier;
};

/** Before a job is changed: a key that may use all of them needs no look. */
export const checkJobOf = async (deps: Deps, key: ApiKey, id: string): Promise<void> => {
  if (isBound(key)) await readJob(deps, key, id);
};

export const knownQueue = <Value>(value: Value | "not_found"): Value => {
  if (value === "not_found") throw notFound("queue");
  return value;
};

/** The path's queue; a name that can't be one is unknown, too, and so is one that the key may not use. */
export const queueOf = ({ params, key }: Pick<HttpRequest, "params"> & { readonly key: ApiKey }): string => {
  const { name = "" } = params;
  return knownQueue(NAME_PATTERN.test(name) && mayUseQueue(key, name) ? name : "not_found");
};
