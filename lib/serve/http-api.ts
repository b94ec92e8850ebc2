import type { JobDefinition } from "../core/job.ts";
import { shareOf } from "../db/drivers/share.ts";
import { createApi } from "../functions/create-api.ts";
import { createEnqueue } from "../functions/create-enqueue.ts";
import { enqueueOperations } from "../http/operations/enqueue.ts";
import type { HttpHandler } from "../http/stack.ts";
import type { Deps } from "../queue/deps.ts";
import { runtime } from "../runtime.ts";

/** Of the connections, so many are not for reads and management: those of the concurrent statements of enqueues, and of the scheduler. */
const NOT_FOR_READS = 4;

/** With few connections in all, half of them. */
const readShare = (all: number): number => Math.max(1, all - NOT_FOR_READS, Math.floor(all / 2));

/**
 * The whole HTTP API in one process: the functions that run on Lambda, with the same dependencies.
 *
 * @param connections - that the process has
 * @param basePath - where the routes begin; empty at the root
 * @returns the function of a request
 */
export const createHttpApi = (
  deps: Deps,
  jobs: readonly JobDefinition[],
  { connections, basePath }: { readonly connections: number; readonly basePath: string },
): ((method: string, path: string) => HttpHandler) => {
  const keys = () => runtime().apiKeys();
  const web = () => ({ ...runtime().web(), basePath });
  const enqueue = createEnqueue(deps, keys, jobs, undefined, web);
  const reads = { ...deps, db: shareOf(deps.db, readShare(connections)) };
  const api = createApi(reads, keys, () => Promise.resolve(jobs), undefined, web);
  const enqueueing = Object.values(enqueueOperations);
  return (method, path) =>
    enqueueing.some((each) => each.method === method && basePath + each.path === path) ? enqueue : api;
};
