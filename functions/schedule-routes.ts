import type * as z from "zod";
import { ForgeqError } from "../lib/core/errors.ts";
import { NAME_PATTERN } from "../lib/core/job.ts";
import type { ScheduleDefinition } from "../lib/core/schedule.ts";
import type { Deps } from "../lib/queue/deps.ts";
import {
  createSchedule,
  deleteSchedule,
  getSchedule,
  listSchedules,
  type Schedule,
  triggerSchedule,
  updateSchedule,
} from "../lib/queue/schedule/manage-schedules.ts";
import { checkTypedPayload, type JobTypes } from "../lib/http/new-job.ts";
import type { HttpRequest, HttpResponse, Route } from "../lib/http/router.ts";
import { wholeSchedule } from "../lib/http/schedule-answer.ts";
import { newSchedule, scheduleEdit } from "../lib/http/schedule-body.ts";
import { fieldErrorsOf } from "../lib/http/validate.ts";
import { isBound, keyOf, mayUse, requireUse, showJob, showSchedule } from "../lib/http/access.ts";
import type { ApiKey, Scope } from "../lib/http/api-keys.ts";

const MAX_BODY_BYTES = 1024 * 1024;

type Run = (deps: Deps, request: HttpRequest) => Promise<HttpResponse>;

const known = <Value>(value: Value | "not_found"): Value => {
  if (value === "not_found") throw new ForgeqError("not_found", "There is no such schedule");
  return value;
};

/** The path's name; one that can't be a name is one that is not there. */
const nameOf = ({ params: { name = "" } }: HttpRequest): string => known(NAME_PATTERN.test(name) ? name : "not_found");

const parse = <Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> => {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ForgeqError("invalid_schedule", "The schedule has fields that are not valid", {
    errors: fieldErrorsOf(parsed.error),
  });
};

const answer = async (status: number, key: ApiKey, schedule: Schedule): Promise<HttpResponse> => ({
  status,
  body: await wholeSchedule(schedule, showSchedule(key, schedule)),
});

/** Who makes a schedule sends jobs by it. */
const SENDS: readonly Scope[] = ["jobs:manage", "jobs:write"];

/**
 * The routes of schedules.
 *
 * @param types - the job types, whose payloads are checked
 */
export const scheduleRoutes = (deps: () => Promise<Deps>, types: () => Promise<JobTypes>): Route[] => {
  const withCheckedPayload = async <Definition extends Omit<ScheduleDefinition, "name">>(definition: Definition) => ({
    ...definition,
    payload: await checkTypedPayload(await types(), definition.type, definition.payload),
  });
  /** What jobs it makes: those of the type's queue, unless it names one. */
  const jobsOf = async ({ type, queue }: { readonly type: string; readonly queue?: string | null }) => ({
    type,
    queue: queue ?? (await types()).get(type)?.queue ?? "",
  });
  const maySee = async (key: ApiKey, schedule: Schedule): Promise<boolean> =>
    !isBound(key) || mayUse(key, await jobsOf(schedule));
  const read = async (use: Deps, request: HttpRequest): Promise<Schedule> => {
    const schedule = known(await getSchedule(use, nameOf(request)));
    return known((await maySee(keyOf(request), schedule)) ? schedule : "not_found");
  };
  /** Before a schedule is changed: a key that may use all of them needs no look. */
  const check = async (use: Deps, request: HttpRequest): Promise<void> => {
    if (isBound(keyOf(request))) await read(use, request);
  };
  const route = (
    method: Route["method"],
    path: Route["path"],
    scopes: readonly Scope[],
    run: Run,
    { takesBody = false, audit }: { readonly takesBody?: boolean; readonly audit?: Route["audit"] } = {},
  ): Route => ({
    method,
    path,
    scopes,
    ...(audit !== undefined && { audit }),
    ...(takesBody && { maxBodyBytes: MAX_BODY_BYTES }),
    run: async (request: HttpRequest) => run(await deps(), request),
  });

  const create: Run = async (use, request) => {
    const key = keyOf(request);
    const definition = await withCheckedPayload(parse(newSchedule, request.body));
    requireUse(key, await jobsOf(definition));
    const schedule = await createSchedule(use, definition);
    return { ...(await answer(201, key, schedule)), headers: { location: `/schedules/${schedule.name}` } };
  };
  const update: Run = async (use, request) => {
    const name = nameOf(request);
    const key = keyOf(request);
    const edit = await withCheckedPayload(parse(scheduleEdit, request.body));
    await check(use, request);
    requireUse(key, await jobsOf(edit));
    return answer(200, key, known(await updateSchedule(use, name, () => ({ ...edit, name }))));
  };
  const trigger: Run = async (use, request) => {
    await check(use, request);
    const job = known(await triggerSchedule(use, nameOf(request)));
    return { status: 201, headers: { location: `/jobs/${job.id}` }, body: showJob(keyOf(request), job) };
  };
  const list: Run = async (use, request) => {
    const key = keyOf(request);
    const all = await listSchedules(use);
    const seen = await Promise.all(all.map((each) => maySee(key, each)));
    return { status: 200, body: { data: all.filter((_, n) => seen[n]).map((each) => showSchedule(key, each)) } };
  };
  const remove: Run = async (use, request) => {
    await check(use, request);
    known(await deleteSchedule(use, nameOf(request)));
    return { status: 204, body: undefined };
  };

  return [
    route("GET", "/schedules", ["jobs:read"], list),
    route("POST", "/schedules", SENDS, create, { takesBody: true, audit: "schedule.create" }),
    route("GET", "/schedules/{name}", ["jobs:read"], async (use, request) =>
      answer(200, keyOf(request), await read(use, request)),
    ),
    route("PUT", "/schedules/{name}", SENDS, update, { takesBody: true, audit: "schedule.update" }),
    route("DELETE", "/schedules/{name}", ["jobs:manage"], remove, { audit: "schedule.delete" }),
    route("POST", "/schedules/{name}/trigger", SENDS, trigger, { audit: "schedule.trigger" }),
  ];
};
