import type { ConfiguredKeys } from "../lib/core/configured-keys.ts";
import type { JobDefinition } from "../lib/core/job.ts";
import { dashboardServers } from "../lib/http/dashboard.ts";
import { httpFunction } from "../lib/http/function.ts";
import type { Source } from "../lib/http/lazy.ts";
import type { JobTypes } from "../lib/http/new-job.ts";
import type { Observers } from "../lib/http/observers.ts";
import { apiOperations } from "../lib/http/operations.ts";
import { enqueueOperations } from "../lib/http/operations/enqueue.ts";
import { scheduleOperations } from "../lib/http/operations/schedules.ts";
import type { Route } from "../lib/http/router.ts";
import { lazyServers, routesOf, withDeps } from "../lib/http/serve.ts";
import { ANSWER_MS, type HttpHandler } from "../lib/http/stack.ts";
import type { Deps } from "../lib/queue/deps.ts";
import { limited } from "../lib/queue/lambda/invocation.ts";
import { findApiKey } from "../lib/queue/manage/api-keys.ts";
import { runtime } from "../lib/runtime.ts";
import { jobHandlers } from "./routes/jobs.ts";
import { queueHandlers } from "./routes/queues.ts";
import { serviceServers } from "./routes/service.ts";

/** Loaded when the document is asked for, or a schedule is written: no other request needs the types' schemas. */
const registry = async (): Promise<readonly JobDefinition[]> => (await import("./registry.ts")).jobs;

/** The routes of this function. What few requests need is loaded by the first of them. */
export const apiRoutes = (deps: () => Promise<Deps>): Route[] => {
  const types = async (): Promise<JobTypes> => new Map((await registry()).map((job) => [job.type, job]));
  return routesOf(apiOperations, {
    ...withDeps(deps, jobHandlers),
    ...withDeps(deps, queueHandlers),
    ...lazyServers(scheduleOperations, async () => {
      const { scheduleHandlers } = await import("./routes/schedules.ts");
      return withDeps(deps, scheduleHandlers(types));
    }),
    ...serviceServers(deps, registry),
    ...dashboardServers(),
  });
};

/**
 * The HTTP API but for enqueueing: reads and manages jobs, queues and schedules.
 *
 * @param keys - what the API keys are configured by, or the JSON text of the list
 * @param before - what it logs and counts with until its dependencies are there
 */
export const createHandler = (
  deps: Source<Deps>,
  keys: Source<ConfiguredKeys | string | undefined>,
  before?: () => Observers,
): HttpHandler =>
  limited(
    httpFunction(deps, keys, apiRoutes, {
      before,
      findStored: findApiKey,
      elsewhere: Object.values(enqueueOperations),
      web: () => runtime().web(),
    }),
    ANSWER_MS,
  );

export const handler = createHandler(
  () => runtime().deps("API"),
  () => runtime().apiKeys(),
  () => runtime().arming(),
);
