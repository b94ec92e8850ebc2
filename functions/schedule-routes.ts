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
import { toWireJob, toWireSchedule } from "../lib/http/wire.ts";

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

const answer = async (status: number, schedule: Schedule): Promise<HttpResponse> => ({
  status,
  body: await wholeSchedule(schedule),
});

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
  const route = (method: Route["method"], path: Route["path"], scope: Route["scope"], run: Run, takesBody = false) => ({
    method,
    path,
    scope,
    ...(takesBody && { maxBodyBytes: MAX_BODY_BYTES }),
    run: async (request: HttpRequest) => run(await deps(), request),
  });

  const create: Run = async (use, { body }) => {
    const schedule = await createSchedule(use, await withCheckedPayload(parse(newSchedule, body)));
    return { ...(await answer(201, schedule)), headers: { location: `/schedules/${schedule.name}` } };
  };
  const update: Run = async (use, request) => {
    const name = nameOf(request);
    const edit = await withCheckedPayload(parse(scheduleEdit, request.body));
    return answer(200, known(await updateSchedule(use, name, () => ({ ...edit, name }))));
  };
  const trigger: Run = async (use, request) => {
    const job = known(await triggerSchedule(use, nameOf(request)));
    return { status: 201, headers: { location: `/jobs/${job.id}` }, body: toWireJob(job) };
  };

  return [
    route("GET", "/schedules", "jobs:read", async (use) => ({
      status: 200,
      body: { data: (await listSchedules(use)).map(toWireSchedule) },
    })),
    route("POST", "/schedules", "jobs:manage", create, true),
    route("GET", "/schedules/{name}", "jobs:read", async (use, request) =>
      answer(200, known(await getSchedule(use, nameOf(request)))),
    ),
    route("PUT", "/schedules/{name}", "jobs:manage", update, true),
    route("DELETE", "/schedules/{name}", "jobs:manage", async (use, request) => {
      known(await deleteSchedule(use, nameOf(request)));
      return { status: 204, body: undefined };
    }),
    route("POST", "/schedules/{name}/trigger", "jobs:manage", trigger),
  ];
};
