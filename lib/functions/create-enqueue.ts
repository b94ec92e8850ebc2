import { withAliases } from "../core/aliases.ts";
import type { ConfiguredKeys } from "../core/configured-keys.ts";
import type { ConfiguredWeb } from "../core/web-settings.ts";
import type { JobDefinition } from "../core/job.ts";
import { TRACEPARENT } from "../core/traceparent.ts";
import { httpFunction } from "../http/function.ts";
import type { Source } from "../http/lazy.ts";
import type { Observers } from "../http/observers.ts";
import { checkBatch, checkJob } from "../http/new-job.ts";
import { enqueueOperations } from "../http/operations/enqueue.ts";
import type { HttpRequest, Route } from "../http/router.ts";
import { routesOf } from "../http/serve.ts";
import { ANSWER_MS, type HttpHandler } from "../http/stack.ts";
import { toWireJob } from "../http/wire.ts";
import { keyOf, showJob } from "../http/access.ts";
import type { Deps } from "../queue/deps.ts";
import { findApiKey } from "../queue/manage/api-keys.ts";
import { enqueueJobs } from "../queue/enqueue/enqueue-jobs.ts";
import type { EnqueuedJob } from "../queue/enqueue/enqueue-jobs.ts";
import { limited } from "../queue/lambda/invocation.ts";
import type { NewJob } from "../core/new-job.ts";
import { runtime } from "../runtime.ts";
import { once } from "./routes/once.ts";

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
    // Loaded by the first error.
    const { locateRefusal } = await import("../http/locate-refusal.ts");
    throw locateRefusal(error, at);
  }
};

/** What was stored by this call is the caller's own; of a job that was there it sees what its key may see. */
const show = (request: HttpRequest, { created, job }: EnqueuedJob) =>
  created ? toWireJob(job) : { ...showJob(keyOf(request), job), deduplicated: true };

/** The routes of this function, for these job types. */
export const enqueueRoutes = (deps: () => Promise<Deps>, definitions: readonly JobDefinition[]): Route[] => {
  const types = new Map(withAliases(definitions).map((definition) => [definition.type, definition]));
  return routesOf(enqueueOperations, {
    enqueueJob: async (request) => {
      const checked = await checkJob(types, request.body, { key: keyOf(request) });
      return once(await deps(), "enqueueJob", request, async (inner) => {
        const [enqueued] = await enqueue(inner, [{ ...checked, ...traceOf(request) }], request, () => "");
        if (enqueued === undefined) throw new Error("enqueueJobs gave no job back");
        const { created, job } = enqueued;
        return { status: created ? 201 : 200, headers: { location: `/jobs/${job.id}` }, body: show(request, enqueued) };
      });
    },
    enqueueJobs: async (request) => {
      const checked = await checkBatch(types, request.body, keyOf(request));
      const newJobs = checked.map((job) => ({ ...job, ...traceOf(request) }));
      return once(await deps(), "enqueueJobs", request, async (inner) => {
        const enqueued = await enqueue(inner, newJobs, request, (index) => `/jobs/${index}`);
        return { status: 201, body: { jobs: enqueued.map((each) => show(request, each)) } };
      });
    },
  });
};

/**
 * `POST /jobs` and `POST /jobs/batch`: authenticate, check everything that needs no database, insert.
 *
 * @param keys - what the API keys are configured by, or the JSON text of the list
 * @param before - what it logs and counts with until its dependencies are there
 * @param web - how the API is reached
 */
export const createEnqueue = (
  deps: Source<Deps>,
  keys: Source<ConfiguredKeys | string | undefined>,
  definitions: readonly JobDefinition[],
  before?: () => Observers,
  web = (): ConfiguredWeb => runtime().web(),
): HttpHandler =>
  limited(
    httpFunction(deps, keys, (get) => enqueueRoutes(get, definitions), {
      before,
      findStored: findApiKey,
      web,
    }),
    ANSWER_MS,
  );
