import type { Operations } from "../operation.ts";
import { newSchedule, scheduleEdit, scheduleRule } from "../schedule-body.ts";
import { MAX_SMALL_BODY_BYTES } from "../fields.ts";
import { namedQuery } from "../schemas.ts";

const MAX_BODY_BYTES = 1024 * 1024;

const body = <Schema>(schema: Schema) => ({
  schema,
  maxBytes: MAX_BODY_BYTES,
  refusal: { code: "invalid_schedule", message: "The schedule has fields that are not valid" } as const,
});

/** What the job of a schedule may be refused with. */
const JOB_ERRORS = ["invalid_job", "invalid_payload", "unknown_type", "unknown_queue"] as const;

/** Who makes a schedule sends jobs by it: `jobs:write`, too. */
export const scheduleOperations = {
  listSchedules: {
    method: "GET",
    path: "/schedules",
    summary: "List the schedules",
    scopes: ["jobs:read"],
    query: namedQuery,
    answers: { 200: { description: "A page, by name.", schema: "scheduleList" } },
    errors: [],
  },
  createSchedule: {
    method: "POST",
    path: "/schedules",
    summary: "Make a schedule",
    scopes: ["jobs:manage", "jobs:write"],
    audit: "schedule.create",
    body: body(newSchedule),
    answers: { 201: { description: "The schedule.", schema: "wholeSchedule", located: true } },
    errors: [...JOB_ERRORS, "schedule_exists"],
  },
  previewSchedule: {
    method: "POST",
    path: "/schedules/preview",
    summary: "Say a rule in words, and when it would fire next",
    scopes: ["jobs:read"],
    body: { ...body(scheduleRule), maxBytes: MAX_SMALL_BODY_BYTES },
    answers: { 200: { description: "Nothing was stored.", schema: "schedulePreview" } },
    errors: [],
  },
  getSchedule: {
    method: "GET",
    path: "/schedules/{name}",
    summary: "Show a schedule with its next slots",
    scopes: ["jobs:read"],
    answers: { 200: { description: "The schedule.", schema: "wholeSchedule" } },
    errors: ["not_found"],
  },
  setSchedule: {
    method: "PUT",
    path: "/schedules/{name}",
    summary: "Replace a schedule; slots that are due by then fire first",
    scopes: ["jobs:manage", "jobs:write"],
    audit: "schedule.update",
    body: body(scheduleEdit),
    answers: { 200: { description: "The schedule as it is now.", schema: "wholeSchedule" } },
    errors: [...JOB_ERRORS, "not_found", "declared_in_code", "busy"],
  },
  deleteSchedule: {
    method: "DELETE",
    path: "/schedules/{name}",
    summary: "Remove a schedule; its jobs stay",
    scopes: ["jobs:manage"],
    audit: "schedule.delete",
    answers: { 204: { description: "It is gone." } },
    errors: ["not_found", "declared_in_code"],
  },
  triggerSchedule: {
    method: "POST",
    path: "/schedules/{name}/trigger",
    takesKey: true,
    summary: "Enqueue one job of a schedule now, in addition to its slots",
    scopes: ["jobs:manage", "jobs:write"],
    audit: "schedule.trigger",
    answers: { 201: { description: "The job.", schema: "wholeJob", located: true } },
    errors: ["not_found", "unknown_type", "unknown_queue", "queue_full"],
  },
} as const satisfies Operations;
