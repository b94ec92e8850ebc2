import { describeCron } from "../../core/describe-cron.ts";
import { NAME_PATTERN } from "../../core/job.ts";
import type { ScheduleDefinition } from "../../core/schedule.ts";
import { previewSlots } from "../../core/slots.ts";
import { isBound, mayUse, requireUse, showJob, showSchedule } from "../../http/access.ts";
import type { ApiKey } from "../../http/api-keys.ts";
import { checkTypedPayload, type JobTypes } from "../../http/new-job.ts";
import type { scheduleOperations } from "../../http/operations/schedules.ts";
import type { HttpRequest, HttpResponse } from "../../http/router.ts";
import { wholeSchedule } from "../../http/schedule-answer.ts";
import { encodeCursor } from "../../http/wire.ts";
import type { Handlers } from "../../http/serve.ts";
import type { Deps } from "../../queue/deps.ts";
import {
  createSchedule,
  deleteSchedule,
  getSchedule,
  type Schedule,
  schedulePage,
  triggerSchedule,
  updateSchedule,
} from "../../queue/schedule/manage-schedules.ts";
import { notFound, ok } from "./found.ts";
import { once } from "./once.ts";

const PREVIEWED_SLOTS = 5;

type Keyed = Pick<HttpRequest, "params"> & { readonly key: ApiKey };

const known = <Value>(value: Value | "not_found"): Value => {
  if (value === "not_found") throw notFound("schedule");
  return value;
};

/** The path's name; one that can't be a name is one that is not there. */
const nameOf = ({ params: { name = "" } }: Keyed): string => known(NAME_PATTERN.test(name) ? name : "not_found");

const answer = async (status: number, key: ApiKey, schedule: Schedule): Promise<HttpResponse> => ({
  status,
  body: await wholeSchedule(schedule, showSchedule(key, schedule)),
});

/** @param types - the job types, whose payloads are checked */
export const scheduleHandlers = (types: () => Promise<JobTypes>): Handlers<typeof scheduleOperations, Deps> => {
  const withCheckedPayload = async <Definition extends Omit<ScheduleDefinition, "name">>(
    key: ApiKey,
    definition: Definition,
  ) => ({
    ...definition,
    payload: await checkTypedPayload(await types(), definition.type, definition.payload, key),
  });
  /** What jobs it makes: those of the type's queue, unless it names one. */
  const jobsOf = async ({ type, queue }: { readonly type: string; readonly queue?: string | null }) => ({
    type,
    queue: queue ?? (await types()).get(type)?.queue ?? "",
  });
  const maySee = async (key: ApiKey, schedule: Schedule): Promise<boolean> =>
    !isBound(key) || mayUse(key, await jobsOf(schedule));
  const read = async (deps: Deps, request: Keyed): Promise<Schedule> => {
    const schedule = known(await getSchedule(deps, nameOf(request)));
    return known((await maySee(request.key, schedule)) ? schedule : "not_found");
  };
  /** Before a schedule is changed: a key that may use all of them needs no look. */
  const check = async (deps: Deps, request: Keyed): Promise<void> => {
    if (isBound(request.key)) await read(deps, request);
  };

  return {
    listSchedules: async (deps, { key, query: { after, limit } }) => {
      const { schedules, next } = await schedulePage(deps, after, limit);
      const seen = await Promise.all(schedules.map((each) => maySee(key, each)));
      return ok({
        data: schedules.filter((_, n) => seen[n]).map((each) => showSchedule(key, each)),
        next_cursor: next === null ? null : encodeCursor(next),
      });
    },

    createSchedule: async (deps, { key, body }) => {
      const definition = await withCheckedPayload(key, body);
      requireUse(key, await jobsOf(definition));
      const schedule = await createSchedule(deps, definition);
      return { ...(await answer(201, key, schedule)), headers: { location: `/schedules/${schedule.name}` } };
    },

    previewSchedule: async (_deps, { body }) =>
      ok({
        description: await describeCron(body.cron),
        next_slots: previewSlots({ ...body, decidedUntil: new Date() }, PREVIEWED_SLOTS).map((slot) =>
          slot.toISOString(),
        ),
      }),

    getSchedule: async (deps, request) => answer(200, request.key, await read(deps, request)),

    setSchedule: async (deps, request) => {
      const name = nameOf(request);
      const edit = await withCheckedPayload(request.key, request.body);
      await check(deps, request);
      requireUse(request.key, await jobsOf(edit));
      return answer(200, request.key, known(await updateSchedule(deps, name, () => ({ ...edit, name }))));
    },

    deleteSchedule: async (deps, request) => {
      await check(deps, request);
      known(await deleteSchedule(deps, nameOf(request)));
      return { status: 204, body: undefined };
    },

    triggerSchedule: (outer, request) =>
      once(outer, "triggerSchedule", request, async (deps) => {
        await check(deps, request);
        const job = known(await triggerSchedule(deps, nameOf(request)));
        return { status: 201, headers: { location: `/jobs/${job.id}` }, body: showJob(request.key, job) };
      }),
  };
};
