import { ForgeqError } from "../lib/core/errors.ts";
import { type JobDefinition, NAME_PATTERN } from "../lib/core/job.ts";
import { httpFunction } from "../lib/http/function.ts";
import type { Source } from "../lib/http/lazy.ts";
import { parseListQuery, parseMetricsQuery, parseQueuesQuery } from "../lib/http/list-query.ts";
import type { JobTypes } from "../lib/http/new-job.ts";
import type { HttpRequest, HttpResponse, Route } from "../lib/http/router.ts";
import { scheduleRoutes } from "./schedule-routes.ts";
import { queueLimits, retryBody, uuidOf } from "../lib/http/schemas.ts";
import type { HttpHandler } from "../lib/http/stack.ts";
import { fieldErrorsOf } from "../lib/http/validate.ts";
import { encodeCursor, toWireJob, toWireQueue } from "../lib/http/wire.ts";
import { cancelJob } from "../lib/queue/manage/cancel-job.ts";
import type { Deps } from "../lib/queue/deps.ts";
import { health } from "../lib/queue/observe/health.ts";
import { createMetricsPage } from "../lib/queue/observe/metrics-page.ts";
import { deleteQueue, pauseQueue, resumeQueue, setQueue } from "../lib/queue/manage/manage-queues.ts";
import { getJob, type Job, listJobs } from "../lib/queue/manage/read-jobs.ts";
import { retryJob } from "../lib/queue/manage/retry-job.ts";
import { queuePage, queueStatsOf, type QueueStats } from "../lib/queue/observe/queue-stats.ts";
import { runtime } from "../lib/runtime.ts";

type Run = (deps: Deps, request: HttpRequest) => Promise<HttpResponse>;

const notFound = (what: string): ForgeqError => new ForgeqError("not_found", `There is no such ${what}`);

const illegal = (action: string, state: string): ForgeqError =>
  new ForgeqError("illegal_state", `A job that is ${state} can't be ${action}`, { state });

const ok = (body: unknown): HttpResponse => ({ status: 200, body });

/** The path's job id; one that can't be an id is one that is not there. */
const idOf = ({ params }: HttpRequest): string => {
  const id = uuidOf(params["id"]);
  if (id === null) throw notFound("job");
  return id;
};

const readJob = async (deps: Deps, id: string): Promise<Job> => {
  const job = await getJob(deps, id);
  if (job === null) throw notFound("job");
  return job;
};

const knownQueue = <Value>(value: Value | "not_found"): Value => {
  if (value === "not_found") throw notFound("queue");
  return value;
};

/** The path's queue; a name that can't be one is unknown, too. */
const queueOf = ({ params: { name = "" } }: HttpRequest): string =>
  knownQueue(NAME_PATTERN.test(name) ? name : "not_found");

/** A use case about one queue as a route. */
const onQueue =
  (useCase: (deps: Deps, name: string) => Promise<QueueStats | "not_found">): Run =>
  async (deps, request) =>
    ok(toWireQueue(knownQueue(await useCase(deps, queueOf(request)))));

/** What the routes do, each under its operation's name. */
const operations = {
  listJobs: async (deps, { query }) => {
    const { jobs, next, searchedTo } = await listJobs(deps, parseListQuery(query));
    return ok({
      data: jobs.map(toWireJob),
      next_cursor: next === null ? null : encodeCursor(next),
      searched_to: searchedTo?.toISOString() ?? null,
    });
  },

  getJob: async (deps, request) => ok(toWireJob(await readJob(deps, idOf(request)))),

  cancelJob: async (deps, request) => {
    const id = idOf(request);
    const outcome = await cancelJob(deps, id);
    if (outcome === "not_found") throw notFound("job");
    if (typeof outcome === "object") throw illegal("cancelled", outcome.finished);
    return { status: outcome === "requested" ? 202 : 200, body: toWireJob(await readJob(deps, id)) };
  },

  retryJob: async (deps, request) => {
    const { data, error } = retryBody.safeParse(request.body ?? {});
    if (data === undefined)
      throw new ForgeqError("invalid_job", "The retry has fields that are not valid", { errors: fieldErrorsOf(error) });
    const outcome = await retryJob(deps, idOf(request), data.life);
    if (outcome === "not_found") throw notFound("job");
    if ("illegal" in outcome) throw illegal("retried", outcome.illegal);
    return ok(toWireJob(outcome));
  },

  listQueues: async (deps, { query }) => {
    const { after, limit } = parseQueuesQuery(query);
    const { queues, next } = await queuePage(deps, after, limit);
    return ok({ data: queues.map(toWireQueue), next_cursor: next === null ? null : encodeCursor(next) });
  },

  getQueue: onQueue(queueStatsOf),

  setQueue: async (deps, request) => {
    const name = queueOf(request);
    const { data, error } = queueLimits.safeParse(request.body);
    if (data === undefined)
      throw new ForgeqError("invalid_queue", "The queue has fields that are not valid", {
        errors: fieldErrorsOf(error),
      });
    const { queue, declared } = knownQueue(await setQueue(deps, name, data));
    return { status: declared ? 201 : 200, body: toWireQueue(queue) };
  },

  deleteQueue: async (deps, request) => {
    knownQueue(await deleteQueue(deps, queueOf(request)));
    return { status: 204, body: undefined };
  },

  pauseQueue: onQueue(pauseQueue),

  resumeQueue: onQueue(resumeQueue),

  health: async (deps) => {
    const { ok: good, detail = "The database did not answer" } = await health(deps);
    if (!good) throw new ForgeqError("database_unavailable", detail);
    return ok({ status: "ok" });
  },
} satisfies Record<string, Run>;

/** Loaded when it is asked for, with the job types: no other request needs either. */
const openapi = async (): Promise<HttpResponse> => {
  const [{ openapiDocument }, { jobs }] = await Promise.all([
    import("../lib/http/openapi.ts"),
    import("./registry.ts"),
  ]);
  return ok(openapiDocument(jobs));
};

/** The page for a scraper; each process has one. */
const createMetrics = (): Run => {
  const page = createMetricsPage();
  return async (deps, { query }) => ({
    status: 200,
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    body: await page(deps, parseMetricsQuery(query).queue),
  });
};

/** Loaded when a schedule is written: no other request needs the types' schemas. */
const jobTypes = async (): Promise<JobTypes> => {
  const { jobs } = await import("./registry.ts");
  return new Map<string, JobDefinition>(jobs.map((job) => [job.type, job]));
};

const MAX_SMALL_BODY_BYTES = 4096;

/** The routes of this function. */
export const apiRoutes = (deps: () => Promise<Deps>): Route[] => {
  const route = (method: Route["method"], path: Route["path"], scope: Route["scope"], run: Run): Route => ({
    method,
    path,
    scope,
    ...(method === "PUT" && { maxBodyBytes: MAX_SMALL_BODY_BYTES }),
    run: async (request) => run(await deps(), request),
  });
  return [
    route("GET", "/jobs", "jobs:read", operations.listJobs),
    route("GET", "/jobs/{id}", "jobs:read", operations.getJob),
    route("POST", "/jobs/{id}/cancel", "jobs:manage", operations.cancelJob),
    {
      ...route("POST", "/jobs/{id}/retry", "jobs:manage", operations.retryJob),
      maxBodyBytes: MAX_SMALL_BODY_BYTES,
      bodyOptional: true,
    },
    route("GET", "/queues", "jobs:read", operations.listQueues),
    route("GET", "/queues/{name}", "jobs:read", operations.getQueue),
    route("PUT", "/queues/{name}", "jobs:manage", operations.setQueue),
    route("DELETE", "/queues/{name}", "jobs:manage", operations.deleteQueue),
    route("POST", "/queues/{name}/pause", "jobs:manage", operations.pauseQueue),
    route("POST", "/queues/{name}/resume", "jobs:manage", operations.resumeQueue),
    ...scheduleRoutes(deps, jobTypes),
    route("GET", "/metrics", "metrics:read", createMetrics()),
    route("GET", "/health", null, operations.health),
    { method: "GET", path: "/openapi.json", scope: "jobs:read", run: openapi },
  ];
};

/**
 * The HTTP API but for enqueueing: reads and manages jobs and queues. Only `/health` needs no key.
 *
 * @param keys - the JSON text of the API keys
 */
export const createHandler = (deps: Source<Deps>, keys: Source<string | undefined>): HttpHandler =>
  httpFunction(deps, keys, apiRoutes);

export const handler = createHandler(
  () => runtime().deps("API"),
  () => runtime().apiKeys(),
);
