import { withAliases } from "../core/aliases.ts";
import type { ConfiguredKeys } from "../core/configured-keys.ts";
import type { ConfiguredWeb } from "../core/web-settings.ts";
import type { JobDefinition } from "../core/job.ts";
import { dashboardServers } from "../http/dashboard.ts";
import { docsServers } from "../http/docs-page.ts";
import { httpFunction } from "../http/function.ts";
import type { KeyRing } from "../http/key-ring.ts";
import type { Source } from "../http/lazy.ts";
import type { JobTypes } from "../http/new-job.ts";
import type { Observers } from "../http/observers.ts";
import { apiOperations } from "../http/operations.ts";
import { activityOperations } from "../http/operations/activity.ts";
import { actionOperations } from "../http/operations/actions.ts";
import { enqueueOperations } from "../http/operations/enqueue.ts";
import { keyOperations } from "../http/operations/keys.ts";
import { scheduleOperations } from "../http/operations/schedules.ts";
import { sessionOperations } from "../http/operations/session.ts";
import type { Route } from "../http/router.ts";
import { lazyServers, routesOf, withDeps } from "../http/serve.ts";
import { ANSWER_MS, type HttpHandler } from "../http/stack.ts";
import type { Deps } from "../queue/deps.ts";
import { limited } from "../queue/lambda/invocation.ts";
import { findApiKey } from "../queue/manage/api-keys.ts";
import { runtime } from "../runtime.ts";
import { jobHandlers } from "./routes/jobs.ts";
import { queueHandlers } from "./routes/queues.ts";
import { serviceServers } from "./routes/service.ts";

/**
 * The routes of this function. What few requests need is loaded by the first of them.
 *
 * @param jobs - the job types: asked for when the document is asked for, or a schedule is written
 */
export const apiRoutes = (
  deps: () => Promise<Deps>,
  jobs: () => Promise<readonly JobDefinition[]>,
  ring: KeyRing,
): Route[] => {
  const types = async (): Promise<JobTypes> => new Map(withAliases(await jobs()).map((job) => [job.type, job]));
  return routesOf(apiOperations, {
    ...withDeps(deps, jobHandlers(types)),
    ...withDeps(deps, queueHandlers),
    ...lazyServers(scheduleOperations, async () => {
      const { scheduleHandlers } = await import("./routes/schedules.ts");
      return withDeps(deps, scheduleHandlers(types));
    }),
    ...lazyServers(activityOperations, async () => {
      const { activityHandlers } = await import("./routes/activity.ts");
      return withDeps(deps, activityHandlers(types));
    }),
    ...lazyServers(actionOperations, async () => {
      const { actionHandlers } = await import("./routes/actions.ts");
      return withDeps(deps, actionHandlers(types));
    }),
    ...lazyServers(keyOperations, async () => {
      const { keyHandlers } = await import("./routes/keys.ts");
      return withDeps(deps, keyHandlers(ring));
    }),
    ...serviceServers(deps, jobs),
    ...dashboardServers(),
    ...docsServers(),
    ...lazyServers(sessionOperations, async () => {
      const { sessionServers } = await import("./routes/session.ts");
      return sessionServers(ring, async () => (await deps()).config);
    }),
  });
};

/**
 * The HTTP API but for enqueueing: reads and manages jobs, queues and schedules.
 *
 * @param keys - what the API keys are configured by, or the JSON text of the list
 * @param jobs - the job types, loaded by the first request that needs their schemas
 * @param before - what it logs and counts with until its dependencies are there
 * @param web - how the API is reached
 */
export const createApi = (
  deps: Source<Deps>,
  keys: Source<ConfiguredKeys | string | undefined>,
  jobs: () => Promise<readonly JobDefinition[]>,
  before?: () => Observers,
  web = (): ConfiguredWeb => runtime().web(),
): HttpHandler =>
  limited(
    httpFunction(deps, keys, (get, ring) => apiRoutes(get, jobs, ring), {
      before,
      findStored: findApiKey,
      elsewhere: Object.values(enqueueOperations),
      web,
    }),
    ANSWER_MS,
  );
