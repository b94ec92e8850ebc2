import { mayUse, requireUse, showJob } from "../../http/access.ts";
import type { ApiKey } from "../../http/api-keys.ts";
import { boundFilter } from "../../http/job-filter.ts";
import { checkTypedPayload, type JobTypes } from "../../http/new-job.ts";
import type { actionOperations } from "../../http/operations/actions.ts";
import type { Handlers, RequestOf } from "../../http/serve.ts";
import { encodeCursor } from "../../http/wire.ts";
import type { Deps } from "../../queue/deps.ts";
import {
  applyToJobs,
  bulkInstant,
  groupJobs,
  previewSlices,
  type SelectedJob,
  selectNamed,
  selectSlice,
  type Slice,
} from "../../queue/manage/bulk-jobs.ts";
import { cloneJob } from "../../queue/manage/clone-job.ts";
import { deleteJob } from "../../queue/manage/delete-job.ts";
import { rescheduleJob } from "../../queue/manage/reschedule-job.ts";
import { checkJobOf, idOf, illegal, notFound, ok, readJob } from "./found.ts";
import { once } from "./once.ts";

type Bulk = RequestOf<(typeof actionOperations)["bulkJobs"]>;

const EXAMPLES = 5;

/** Without `payloads:read` what an error says is hidden. */
const shownError = (key: ApiKey, error: { readonly name: string; readonly message: string } | null) =>
  error && { ...error, message: key.scopes.includes("payloads:read") ? error.message : null };

const example = (key: ApiKey, { id, life, type, queue, state, error }: SelectedJob) => ({
  ...{ id, life, type, queue, state },
  error: shownError(key, error && { name: error.name, message: error.message }),
});

/** Jobs that were named, each in the life that the caller saw; the key's own alone. */
const named = async (deps: Deps, { key, body: { ids = [], jobs = [] } }: Bulk) => {
  const lives = new Map(jobs.map(({ id, life }) => [id, life]));
  const wanted = [...new Set([...ids, ...lives.keys()])];
  const found = (await selectNamed(deps, wanted)).filter((job) => mayUse(key, job));
  const known = new Set(found.map(({ id }) => id));
  return {
    slice: {
      jobs: found.map((job) => ({ ...job, life: lives.get(job.id) ?? job.life })),
      next: null,
      searchedTo: null,
    } satisfies Slice,
    missing: wanted.filter((id) => !known.has(id)).map((id) => ({ id, code: "not_found" as const })),
  };
};

const filtered = (deps: Deps, { key, body }: Bulk, before: Date): Promise<Slice> => {
  const input = {
    ...{ action: body.action, filter: boundFilter(key, body.filter ?? {}), before },
    ...{ after: body.cursor ?? null, limit: body.limit },
  };
  return body.dry_run ? previewSlices(deps, input) : selectSlice(deps, input);
};

const bulk = async (deps: Deps, request: Bulk) => {
  const { key, body } = request;
  const note = body.note ?? body.reason;
  const before = body.before ?? (await bulkInstant(deps));
  const { slice, missing } =
    body.filter === undefined
      ? await named(deps, request)
      : { slice: await filtered(deps, request, before), missing: [] };
  const result = body.dry_run
    ? { done: 0, skipped: [] }
    : await applyToJobs(deps, body.action, slice.jobs, {
        before,
        to: body.to,
        reason: body.reason ?? null,
        by: key.id,
      });
  return {
    ...ok({
      before: before.toISOString(),
      matched: slice.jobs.length,
      capped: body.dry_run && slice.next !== null,
      by: groupJobs(slice.jobs).map(({ error, ...group }) => ({ ...group, error: shownError(key, error) })),
      ...(body.dry_run && { examples: slice.jobs.slice(0, EXAMPLES).map((job) => example(key, job)) }),
      done: result.done,
      skipped: [...missing, ...result.skipped],
      next_cursor: slice.next === null ? null : encodeCursor(slice.next),
      searched_to: slice.searchedTo?.toISOString() ?? null,
    }),
    audit: {
      ...{ target: body.action, count: result.done, outcome: body.dry_run ? "previewed" : "done" },
      ...(note !== undefined && { note }),
    },
  };
};

/** @param types - the job types, whose payloads are checked */
export const actionHandlers = (types: () => Promise<JobTypes>): Handlers<typeof actionOperations, Deps> => ({
  rescheduleJob: async (deps, request) => {
    const [key, id] = [request.key, idOf(request)];
    await checkJobOf(deps, key, id);
    const outcome = await rescheduleJob(deps, id, request.body);
    if (outcome === "not_found") throw notFound("job");
    if (typeof outcome === "object") throw illegal("rescheduled", outcome.illegal);
    return ok(showJob(key, await readJob(deps, key, id)));
  },

  cloneJob: (outer, request) =>
    once(outer, "cloneJob", request, async (deps) => {
      const { key, body } = request;
      const job = await readJob(deps, key, idOf(request));
      requireUse(key, job);
      const payload =
        body.payload === undefined ? undefined : await checkTypedPayload(await types(), job.type, body.payload, key);
      const clone = await cloneJob(deps, job, {
        ...(payload !== undefined && { payload }),
        ...(body.delay_seconds !== undefined && { delaySeconds: body.delay_seconds }),
      });
      return { status: 201, headers: { location: `/jobs/${clone.id}` }, body: showJob(key, clone) };
    }),

  deleteJob: async (deps, request) => {
    const id = idOf(request);
    await checkJobOf(deps, request.key, id);
    if ((await deleteJob(deps, id)) === "live") throw illegal("deleted", (await readJob(deps, request.key, id)).state);
    return { status: 204, body: undefined };
  },

  bulkJobs: (outer, request) => once(outer, "bulkJobs", request, (deps) => bulk(deps, request)),
});
