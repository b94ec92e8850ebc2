import type { JobDefinition } from "../lib/core/job.ts";
import { TRACEPARENT } from "../lib/core/traceparent.ts";
import { httpFunction } from "../lib/http/function.ts";
import type { Source } from "../lib/http/lazy.ts";
import { checkBatch, checkJob, locateRefusal } from "../lib/http/new-job.ts";
import type { HttpRequest, Route } from "../lib/http/router.ts";
import type { HttpHandler } from "../lib/http/stack.ts";
import { toWireJob } from "../lib/http/wire.ts";
import type { Deps } from "../lib/queue/deps.ts";
import { enqueueJobs } from "../lib/queue/enqueue/enqueue-jobs.ts";
import type { EnqueuedJob } from "../lib/queue/enqueue/enqueue-jobs.ts";
import type { NewJob } from "../lib/core/new-job.ts";
import { runtime } from "../lib/runtime.ts";
import { jobs } from "./registry.ts";

/** Enough for a payload and metadata of full size, indented and escaped. */
const MAX_JOB_BYTES = 1024 * 1024;
const MAX_BATCH_BYTES = 5_000_000;

/** The caller's trace, so that the job's attempts can be linked to it; anything malformed is no trace. */
const traceOf = ({ headers }: HttpRequest): Pick<NewJob, "traceparent"> => {
  const { traceparent } = headers;
  return traceparent !== undefined && TRACEPARENT.test(traceparent) ? { traceparent } : {};
};

const enqueue = async (
  deps: Deps,
  newJobs: readonly NewJob[],
  caller: HttpRequest,
  at: (index: number) => string,
): Promise<EnqueuedJob[]> => {
  try {
    return await enqueueJobs(deps, newJobs, caller);
  } catch (error) {
    throw locateRefusal(error, at);
  }
};

/** The routes of this function, for these job types. */
export const enqueueRoutes = (deps: () => Promise<Deps>, definitions: readonly JobDefinition[]): Route[] => {
  const types = new Map(definitions.map((definition) => [definition.type, definition]));
  return [
    {
      method: "POST",
      path: "/jobs",
      scope: "jobs:write",
      maxBodyBytes: MAX_JOB_BYTES,
      run: async (request) => {
        const checked = await checkJob(types, request.body);
        const [enqueued] = await enqueue(await deps(), [{ ...checked, ...traceOf(request) }], request, () => "");
        if (enqueued === undefined) throw new Error("enqueueJobs gave no job back");
        const { created, job } = enqueued;
        return { status: created ? 201 : 200, headers: { location: `/jobs/${job.id}` }, body: toWireJob(job) };
      },
    },
    {
      method: "POST",
      path: "/jobs/batch",
      scope: "jobs:write",
      maxBodyBytes: MAX_BATCH_BYTES,
      run: async (request) => {
        const checked = await checkBatch(types, request.body);
        const newJobs = checked.map((job) => ({ ...job, ...traceOf(request) }));
        const enqueued = await enqueue(await deps(), newJobs, request, (index) => `/jobs/${index}`);
        return { status: 201, body: { jobs: enqueued.map(({ job }) => toWireJob(job)) } };
      },
    },
  ];
};

/**
 * `POST /jobs` and `POST /jobs/batch`: authenticate, check everything that needs no database, insert.
 *
 * @param keys - the JSON text of the API keys
 */
export const createHandler = (
  deps: Source<Deps>,
  keys: Source<string | undefined>,
  definitions: readonly JobDefinition[] = jobs,
): HttpHandler => httpFunction(deps, keys, (get) => enqueueRoutes(get, definitions));

export const handler = createHandler(
  () => runtime().deps("ENQUEUE"),
  () => runtime().apiKeys(),
);
