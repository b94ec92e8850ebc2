/**
 * The route table: every operation of the API, by resource. The deployed routes, `Allow`, scopes, audit lines, checks of query and
 * body, and the OpenAPI document come from it. Importing it does nothing else.
 */
import type { Operation } from "./operation.ts";
import { activityOperations } from "./operations/activity.ts";
import { dashboardOperations } from "./operations/dashboard.ts";
import { actionOperations } from "./operations/actions.ts";
import { docsOperations } from "./operations/docs.ts";
import { enqueueOperations } from "./operations/enqueue.ts";
import { jobOperations } from "./operations/jobs.ts";
import { keyOperations } from "./operations/keys.ts";
import { queueOperations } from "./operations/queues.ts";
import { scheduleOperations } from "./operations/schedules.ts";
import { serviceOperations } from "./operations/service.ts";
import { sessionOperations } from "./operations/session.ts";

/** Those of the api function, by resource. */
export const apiOperations = {
  ...jobOperations,
  ...queueOperations,
  ...scheduleOperations,
  ...activityOperations,
  ...serviceOperations,
  ...dashboardOperations,
  ...docsOperations,
  ...sessionOperations,
  ...keyOperations,
  ...actionOperations,
} as const;

const BY_TAG = {
  jobs: { ...enqueueOperations, ...jobOperations, ...actionOperations },
  queues: queueOperations,
  schedules: scheduleOperations,
  activity: activityOperations,
  service: { ...serviceOperations, ...docsOperations },
  dashboard: dashboardOperations,
  session: sessionOperations,
  keys: keyOperations,
};

/** What each resource is, for the documents. */
export const TAGS: Readonly<Record<keyof typeof BY_TAG, string>> = {
  jobs: "Enqueue, read and manage jobs",
  queues: "Limits, pauses and numbers of queues",
  schedules: "Cron rules that enqueue jobs",
  activity: "What is there, what happens, and who works",
  service: "About the service itself",
  dashboard: "The web dashboard's files",
  session: "Who is calling, and the dashboard's sign-in",
  keys: "Keys of the database: make, list and revoke them",
};

/** An operation with its id, and the resource that it belongs to. */
export interface NamedOperation extends Operation {
  readonly id: string;
  readonly tag: keyof typeof BY_TAG;
}

export const operations: readonly NamedOperation[] = Object.entries(BY_TAG).flatMap(([tag, rows]) =>
  Object.entries<Operation>(rows).map(([id, row]) => ({ ...row, id, tag: tag as keyof typeof BY_TAG })),
);

/**
 * The routes of the gateway that lead to a function, as serverless.yml writes them. The api function gets whatever begins as one of its
 * paths, so that it also answers what is not there.
 *
 * @param basePath - FORGEQ_BASE_PATH, which comes before each path
 */
export const gatewayRoutes = (name: "enqueue" | "api", basePath = ""): readonly string[] => {
  if (name === "enqueue")
    return Object.values(enqueueOperations).map(({ method, path }) => `${method} ${basePath}${path}`);
  // Under the Node 20 that some run the Serverless Framework with, there is no Object.groupBy.
  const roots = new Set(operations.map(({ path }) => path.split("/")[1] ?? ""));
  return [...roots].flatMap((root) => [
    `ANY ${basePath}/${root}`,
    ...(operations.some(({ path }) => path.startsWith(`/${root}/`)) ? [`ANY ${basePath}/${root}/{proxy+}`] : []),
  ]);
};
