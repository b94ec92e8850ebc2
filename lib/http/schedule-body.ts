import * as z from "zod";
import { camelCased } from "../core/camel-case.ts";
import { CATCH_UPS, MAX_CATCH_UP, MAX_JITTER_SECONDS, OVERLAPS, SCHEDULE_DEFAULTS } from "../core/schedule.ts";
import { instant, metadata, name, uniqueKey } from "./fields.ts";

const rule = {
  cron: z.string().min(1).max(200).describe("Five fields, six with seconds first, or @daily and the like."),
  timezone: z.string().min(1).max(100).default(SCHEDULE_DEFAULTS.timezone),
  type: name,
  payload: z.unknown().default({}),
  queue: name.nullable().default(null),
  priority: z.int().min(0).max(9).nullable().default(null),
  paused: z.boolean().default(false),
  overlap: z.enum(OVERLAPS).default(SCHEDULE_DEFAULTS.overlap),
  catch_up: z.enum(CATCH_UPS).default(SCHEDULE_DEFAULTS.catchUp),
  catch_up_limit: z.int().min(1).max(MAX_CATCH_UP).default(SCHEDULE_DEFAULTS.catchUpLimit),
  starts_at: instant.nullable().default(null),
  ends_at: instant.nullable().default(null),
  jitter_seconds: z.int().min(0).max(MAX_JITTER_SECONDS).default(SCHEDULE_DEFAULTS.jitterSeconds),
  max_attempts: z.int().min(1).max(1000).nullable().default(null),
  unique_key: uniqueKey.nullable().default(null),
  metadata: metadata.meta({ type: "object", additionalProperties: true }).nullable().default(null),
};

/** What `POST /schedules` takes. */
export const newSchedule = z.strictObject({ name, ...rule }).transform(camelCased);

/** What `PUT /schedules/{name}` takes: the whole schedule but its name. */
export const scheduleEdit = z.strictObject(rule).transform(camelCased);

/** What `POST /schedules/preview` takes: a rule without what it would enqueue. */
export const scheduleRule = z
  .strictObject({
    cron: rule.cron,
    timezone: rule.timezone,
    starts_at: rule.starts_at,
    ends_at: rule.ends_at,
    jitter_seconds: rule.jitter_seconds,
  })
  .transform(({ starts_at, ends_at, cron, timezone }) => ({ cron, timezone, startsAt: starts_at, endsAt: ends_at }));
