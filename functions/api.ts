import { ForgeqError } from "../lib/core/errors.ts";
import { type JobDefinition, NAME_PATTERN } from "../lib/core/job.ts";
import type { ConfiguredKeys } from "../lib/core/configured-keys.ts";
import { isBound, keyOf, mayUse, mayUseQueue, requireUse, showJob } from "../lib/http/access.ts";
import type { ApiKey, Scope } from "../lib/http/api-keys.ts";
import { httpFunction } from "../lib/http/function.ts";
import type { Source } from "../lib/http/lazy.ts";
import type { Observers } from "../lib/http/observers.ts";
import { parseAttemptsQuery, parseListQuery, parseMetricsQuery, parseQueuesQuery } from "../lib/http/list-query.ts";
import type { JobTypes } from "../lib/http/new-job.ts";
import type { HttpRequest, HttpResponse, Route } from "../lib/http/router.ts";
import { scheduleRoutes } from "./schedule-routes.ts";
import { queueLimits, retryBody, uuidOf } from "../lib/http/schemas.ts";
import { ANSWER_MS, type HttpHandler } from "../lib/http/stack.ts";
import { limited } from "../lib/queue/lambda/invocation.ts";
import { fieldErrorsOf } from "../lib/http/validate.ts";
import { encodeCursor, toWireQueue } from "../lib/http/wire.ts";
import { findApiKey } from "../lib/queue/manage/api-keys.ts";
import { cancelJob } from "../lib/queue/manage/cancel-job.ts";
import type { Deps } from "../lib/queue/deps.ts";
import { health } from "../lib/queue/observe/health.ts";
import { createMetricsPage } from "../lib/queue/observe/metrics-page.ts";
import { deleteQueue, pauseQueue, resumeQueue, setQueue } from "../lib/queue/manage/manage-queues.ts";
import { getJob, type Job, listAttempts, listJobs } from "../lib/queue/manage/read-jobs.ts";
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

/** What the key may not use is not there for it. */
const readJob = async (deps: Deps, key: ApiKey, id: string): Promise<Job> => {
  const job = await getJob(deps, id);
  if (job === null || !mayUse(key, job)) throw notFound("job");
  return job;
};

/** Before a job is changed: a key that may use all of them needs no look. */
const checkJobOf = async (deps: Deps, key: ApiKey, id: string): Promise<void> => {
  if (isBound(key)) await readJob(deps, key, id);
};

const knownQueue = <Value>(value: Value | "not_found"): Value => {
  if (value === "not_found") throw notFound("queue");
  return value;
};

/** The path's queue; a name that can't be one is unknown, too, and so is one that the key may not use. */
const queueOf = (request: HttpRequest): string => {
  const { name = "" } = request.params;
  return knownQueue(NAME_PATTERN.test(name) && mayUseQueue(keyOf(request), name) ? name : "not_found");
};

/** A key of one type, or of one queue, has the list search for it; of what others find they see their part. */
const boundFilter = <Filter extends { readonly type?: string; readonly queue?: string }>(
  { types, queues }: ApiKey,
  filter: Filter,
): Filter => ({
  ...filter,
  ...(types?.length === 1 && { type: filter.type ?? types[0] }),
  ...(queues?.length === 1 && { queue: filter.queue ?? queues[0] }),
});

/** A use case about one queue as a route. */
const onQueue =
  (useCase: (deps: Deps, name: string) => Promise<QueueStats | "not_found">): Run =>
  async (deps, request) =>
    ok(toWireQueue(knownQueue(await useCase(deps, queueOf(request)))));

/** What the routes do, each under its operation's name. */
const operations = {
  listJobs: async (deps, request) => {
    const key = keyOf(request);
    const { jobs, next, searchedTo } = await listJobs(deps, boundFilter(key, parseListQuery(request.query)));
    return ok({
      data: jobs.filter((job) => mayUse(key, job)).map((job) => showJob(key, job)),
      next_cursor: next === null ? null : encodeCursor(next),
      searched_to: searchedTo?.toISOString() ?? null,
    });
  },

  getJob: async (deps, request) => {
    const key = keyOf(request);
    return ok(showJob(key, await readJob(deps, key, idOf(request))));
  },

  listAttempts: async (deps, request) => {
    const key = keyOf(request);
    const page = parseAttemptsQuery(request.query);
    const job = await readJob(deps, key, idOf(request));
    const { attempts, next } = await listAttempts(deps, job, page);
    const shown = showJob(key, { ...job, attempts });
    return ok({
      data: shown.attempts,
      next_cursor: next === null ? null : encodeCursor(next),
      ...("hidden" in shown && { hidden: ["error.message"] }),
    });
  },

  cancelJob: async (deps, request) => {
    const [key, id] = [keyOf(request), idOf(request)];
    await checkJobOf(deps, key, id);
    const outcome = await cancelJob(deps, id);
    if (outcome === "not_found") throw notFound("job");
    if (typeof outcome === "object") throw illegal("cancelled", outcome.finished);
    return { status: outcome === "requested" ? 202 : 200, body: showJob(key, await readJob(deps, key, id)) };
  },

  retryJob: async (deps, request) => {
    const { data, error } = retryBody.safeParse(request.body ?? {});
    if (data === undefined)
      throw new ForgeqError("invalid_job", "The retry has fields that are not valid", { errors: fieldErrorsOf(error) });
    const [key, id] = [keyOf(request), idOf(request)];
    await checkJobOf(deps, key, id);
    const outcome = await retryJob(deps, id, data.life);
    if (outcome === "not_found") throw notFound("job");
    if ("illegal" in outcome) throw illegal("retried", outcome.illegal);
    return ok(showJob(key, outcome));
  },

  listQueues: async (deps, request) => {
    const { after, limit } = parseQueuesQuery(request.query);
    const { queues, next } = await queuePage(deps, after, limit);
    const shown = queues.filter(({ name }) => mayUseQueue(keyOf(request), name));
    return ok({ data: shown.map(toWireQueue), next_cursor: next === null ? null : encodeCursor(next) });
  },

  getQueue: onQueue(queueStatsOf),

  setQueue: async (deps, request) => {
    const name = queueOf(request);
    const { data, error } = queueLimits.safeParse(request.body);
    if (data === undefined)
      throw new ForgeqError("invalid_queue", "The queue has fields that are not valid", {
        errors: fieldErrorsOf(error),
      });
    for (const type of data.types ?? []) requireUse(keyOf(request), { type, queue: name });
    const { queue, declared } = knownQueue(await setQueue(deps, name, data));
    return { status: declared ? 201 : 200, body: toWireQueue(queue) };
  },

  deleteQueue: async (deps, request) => {
    knownQueue(await deleteQueue(deps, queueOf(request)));
    return { status: 204, body: undefined };
  },

  pauseQueue: onQueue(pauseQueue),

  resumeQueue: onQueue(resumeQueue),
} satisfies Record<string, Run>;

/** Loaded when it is asked for, with the job types: no other request needs either. */
const openapi = async (): Promise<HttpResponse> => {
  const [{ openapiDocument }, { jobs }] = await Promise.all([
    import("../lib/http/openapi.ts"),
    import("./registry.ts"),
  ]);
  return ok(openapiDocument(jobs));
};

/** How long an answer of the database's health is good for. */
const HEALTH_MS = 5_000;

/** Alive is who answers; `?deep=1`, which needs a key, asks the database, once in five seconds at most. */
const createHealth = (deps: () => Promise<Deps>): Route["run"] => {
  let asked: { readonly atMs: number; readonly answer: ReturnType<typeof health> } | undefined;
  return async ({ key }) => {
    if (key === null) return ok({ status: "ok" });
    const use = await deps();
    const nowMs = use.time.elapsedMs();
    if (asked === undefined || nowMs - asked.atMs >= HEALTH_MS) asked = { atMs: nowMs, answer: health(use) };
    const { ok: good, detail = "The database did not answer" } = await asked.answer;
    if (!good) throw new ForgeqError("database_unavailable", detail);
    return ok({ status: "ok" });
  };
};

/** The page for a scraper; each process has one. */
const createMetrics = (): Run => {
  const page = createMetricsPage();
  return async (deps, request) => {
    const key = keyOf(request);
    const asked = parseMetricsQuery(request.query).queue ?? key.queues ?? undefined;
    // With queues of its own a key sees those; one of types alone sees none, for the numbers are of queues.
    const names = isBound(key) ? (asked ?? []).filter((name) => mayUseQueue(key, name)) : asked;
    return {
      status: 200,
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      body: await page(deps, names),
    };
  };
};

/** Loaded when a schedule is written: no other request needs the types' schemas. */
const jobTypes = async (): Promise<JobTypes> => {
  const { jobs } = await import("./registry.ts");
  return new Map<string, JobDefinition>(jobs.map((job) => [job.type, job]));
};

const MAX_SMALL_BODY_BYTES = 4096;

/** The routes of this function. */
export const apiRoutes = (deps: () => Promise<Deps>): Route[] => {
  const route = (
    method: Route["method"],
    path: Route["path"],
    scope: Scope,
    run: Run,
    audit?: Route["audit"],
  ): Route => ({
    method,
    path,
    scopes: [scope],
    ...(audit !== undefined && { audit }),
    ...(method === "PUT" && { maxBodyBytes: MAX_SMALL_BODY_BYTES }),
    run: async (request) => run(await deps(), request),
  });
  return [
    route("GET", "/jobs", "jobs:read", operations.listJobs),
    route("GET", "/jobs/{id}", "jobs:read", operations.getJob),
    route("GET", "/jobs/{id}/attempts", "jobs:read", operations.listAttempts),
    route("POST", "/jobs/{id}/cancel", "jobs:manage", operations.cancelJob, "job.cancel"),
    {
      ...route("POST", "/jobs/{id}/retry", "jobs:manage", operations.retryJob, "job.retry"),
      maxBodyBytes: MAX_SMALL_BODY_BYTES,
      bodyOptional: true,
    },
    route("GET", "/queues", "jobs:read", operations.listQueues),
    route("GET", "/queues/{name}", "jobs:read", operations.getQueue),
    route("PUT", "/queues/{name}", "jobs:manage", operations.setQueue, "queue.set"),
    route("DELETE", "/queues/{name}", "jobs:manage", operations.deleteQueue, "queue.delete"),
    route("POST", "/queues/{name}/pause", "jobs:manage", operations.pauseQueue, "queue.pause"),
    route("POST", "/queues/{name}/resume", "jobs:manage", operations.resumeQueue, "queue.resume"),
    ...scheduleRoutes(deps, jobTypes),
    route("GET", "/metrics", "metrics:read", createMetrics()),
    { method: "GET", path: "/health", scopes: [], deepScope: "metrics:read", run: createHealth(deps) },
    { method: "GET", path: "/openapi.json", scopes: ["jobs:read"], run: openapi },
  ];
};

/**
 * The HTTP API but for enqueueing: reads and manages jobs and queues. Only `/health` needs no key.
 *
 * @param keys - what the API keys are configured by, or the JSON text of the list
 * @param before - what it logs and counts with until its dependencies are there
 */
export const createHandler = (
  deps: Source<Deps>,
  keys: Source<ConfiguredKeys | string | undefined>,
  before?: () => Observers,
): HttpHandler => limited(httpFunction(deps, keys, apiRoutes, { before, findStored: findApiKey }), ANSWER_MS);

export const handler = createHandler(
  () => runtime().deps("API"),
  () => runtime().apiKeys(),
  () => runtime().arming(),
);
