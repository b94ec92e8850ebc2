import { showJob } from "../../http/access.ts";
import { boundFilter } from "../../http/job-filter.ts";
import { checkTypedPayload, type JobTypes } from "../../http/new-job.ts";
import type { jobOperations } from "../../http/operations/jobs.ts";
import type { Handlers } from "../../http/serve.ts";
import { encodeCursor } from "../../http/wire.ts";
import type { Deps } from "../../queue/deps.ts";
import { cancelJob } from "../../queue/manage/cancel-job.ts";
import { listAttempts, listJobs, listLives } from "../../queue/manage/read-jobs.ts";
import { retryJob } from "../../queue/manage/retry-job.ts";
import { checkJobOf, idOf, illegal, notFound, ok, readJob, readLife } from "./found.ts";

/** @param types - the job types, whose payloads are checked */
export const jobHandlers = (types: () => Promise<JobTypes>): Handlers<typeof jobOperations, Deps> => ({
  listJobs: async (deps, { key, query }) => {
    const { jobs, next, searchedTo } = await listJobs(deps, boundFilter(key, query));
    return ok({
      data: jobs.map((job) => showJob(key, job)),
      next_cursor: next === null ? null : encodeCursor(next),
      searched_to: searchedTo?.toISOString() ?? null,
    });
  },

  getJob: async (deps, request) =>
    ok(showJob(request.key, await readLife(deps, request.key, idOf(request), request.query.life))),

  listLives: async (deps, request) => {
    const { key, query } = request;
    const { id, life } = await readJob(deps, key, idOf(request));
    const upto = Math.min(life - 1, query.cursor ?? Infinity);
    const { lives, next } = await listLives(deps, id, { upto, limit: query.limit });
    return ok({
      data: lives.map((each) => showJob(key, each)),
      next_cursor: next === null ? null : encodeCursor(String(next)),
    });
  },

  listAttempts: async (deps, request) => {
    const { key, query } = request;
    const job = await readLife(deps, key, idOf(request), query.life);
    const { attempts, next } = await listAttempts(deps, job, query.page);
    const shown = showJob(key, { ...job, attempts });
    return ok({
      data: shown.attempts,
      next_cursor: next === null ? null : encodeCursor(next),
      ...("hidden" in shown && { hidden: ["error.message"] }),
    });
  },

  cancelJob: async (deps, request) => {
    const [key, id] = [request.key, idOf(request)];
    await checkJobOf(deps, key, id);
    const { reason } = request.body;
    const outcome = await cancelJob(deps, id, reason ?? null);
    if (outcome === "not_found") throw notFound("job");
    if (typeof outcome === "object") throw illegal("cancelled", outcome.finished);
    const job = await readJob(deps, key, id);
    // The attempt has ended since it was asked.
    if (outcome === "requested" && (job.state === "completed" || job.state === "dead"))
      throw illegal("cancelled", job.state);
    return {
      status: outcome === "requested" && job.finishedAt === null ? 202 : 200,
      body: showJob(key, job),
      ...(reason !== undefined && { audit: { note: reason } }),
    };
  },

  retryJob: async (deps, request) => {
    const [key, id] = [request.key, idOf(request)];
    await checkJobOf(deps, key, id);
    const { life, payload: given } = request.body;
    const payload =
      given === undefined
        ? undefined
        : await checkTypedPayload(await types(), (await readJob(deps, key, id)).type, given, key);
    const outcome = await retryJob(deps, id, { life, payload, by: key.id });
    if (outcome === "not_found") throw notFound("job");
    if ("illegal" in outcome) throw illegal("retried", outcome.illegal);
    return ok(showJob(key, outcome));
  },
});
