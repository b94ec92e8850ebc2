/** What the API answers, as schemas: the source of the OpenAPI document, loaded for nothing else. */
import * as z from "zod";
import { CATCH_UPS, OVERLAPS } from "../core/schedule.ts";
import { JOB_STATES } from "../core/states.ts";
import { at, hidden, queue } from "./answer-parts.ts";

export { queue } from "./answer-parts.ts";
export {
  errorList,
  jobCounts,
  leaseList,
  overview,
  schedulePreview,
  stats,
  typeList,
  wholeType,
  workerList,
} from "./activity-answers.ts";
export { attemptPage, enqueuedBatch, enqueuedJob, jobPage, lifePage, listedJob, wholeJob } from "./described-job.ts";

export const queueList = z.strictObject({
  data: z.array(queue),
  next_cursor: z.string().nullable().describe("Of the next page, null on the last one."),
});

export const listedSchedule = z.strictObject({
  name: z.string(),
  cron: z.string(),
  timezone: z.string(),
  type: z.string(),
  payload: z.unknown(),
  queue: z.string().nullable().describe("Null: the type's."),
  priority: z.int().nullable().describe("Null: the type's."),
  paused: z.boolean(),
  overlap: z.enum(OVERLAPS),
  catch_up: z.enum(CATCH_UPS),
  catch_up_limit: z.int(),
  starts_at: z.string().nullable(),
  ends_at: z.string().nullable(),
  jitter_seconds: z.int(),
  max_attempts: z.int().nullable().describe("Null: the type's."),
  unique_key: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()).nullable().describe("Of its jobs, in addition to schedule and slot_at."),
  declared: z.boolean().describe("Made from the code: only its pause switch can be changed here."),
  last_slot_at: z.string().nullable(),
  next_slot_at: z.string().nullable(),
  hidden,
});

export const scheduleList = z.strictObject({
  data: z.array(listedSchedule),
  next_cursor: z.string().nullable().describe("Of the next page, null on the last one."),
});

export const wholeSchedule = listedSchedule.extend({
  description: z.string().describe("The rule in words."),
  next_slots: z.array(z.string()).describe("The next five."),
});

export const healthy = z.strictObject({ status: z.literal("ok") });

/** Every error of the API. https://www.rfc-editor.org/rfc/rfc9457 */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string().describe("Stable: switch on it."),
  detail: z.string(),
  request_id: z.string().describe("Also in the header x-request-id, and in the log."),
  errors: z
    .array(z.strictObject({ pointer: z.string(), detail: z.string() }))
    .optional()
    .describe("The wrong fields, as RFC 6901 JSON pointers into the request's body or query."),
});

const caller = z.strictObject({
  id: z.string().describe("Of the key."),
  scopes: z.array(z.string()),
  types: z.array(z.string()).nullable().describe("The only types that the key may use; null is all."),
  queues: z.array(z.string()).nullable().describe("The only queues that the key may use; null is all."),
  expires_at: at.nullable().describe("Of the session; of the key where no session is."),
});

export const session = z.strictObject({ session: caller.nullable().describe("Null: nobody is signed in.") });

export const me = caller.extend({
  service: z.string(),
  stage: z.string(),
  wake: z.enum(["always", "armed"]),
  features: z.array(z.string()).describe("Parts of the dashboard that this deployment has in addition."),
  log_url: z
    .string()
    .nullable()
    .describe(
      "FORGEQ_LOG_URL: where the logs of a job are. {job_id}, {type}, {queue}, {from_ms}, {to_ms} stand for its values.",
    ),
});

const apiKey = z.strictObject({
  id: z.string(),
  label: z.string(),
  scopes: z.array(z.string()),
  types: z.array(z.string()).nullable().describe("The only types that it may use; null is all."),
  queues: z.array(z.string()).nullable().describe("The only queues that it may use; null is all."),
  created_by: z.string().describe("The key that made it, or who ran the command."),
  created_at: at,
  expires_at: at.nullable().describe("Null: never."),
  revoked_at: at.nullable(),
  last_used_on: z.iso.date().nullable().describe("The last day of its use."),
});

export const apiKeyList = z.strictObject({
  data: z.array(apiKey),
  next_cursor: z.string().nullable().describe("Of the next page, null on the last one."),
});

export const madeApiKey = apiKey.extend({ key: z.string().describe("The key itself. It is shown this once.") });

/** A slice of a bulk action, or its preview. */
export const bulkSlice = z.strictObject({
  before: at.describe("Send it again with the next slices: what came later is left as it is."),
  matched: z.int().describe("Jobs of this slice; of a preview up to about 10,000."),
  capped: z.boolean().describe("Of a preview: there are more."),
  by: z.array(
    z.strictObject({
      type: z.string(),
      queue: z.string(),
      error: z
        .strictObject({ name: z.string(), message: z.string().nullable(), fingerprint: z.string().nullable() })
        .nullable(),
      jobs: z.int(),
    }),
  ),
  examples: z
    .array(
      z.strictObject({
        id: z.uuid(),
        life: z.int(),
        type: z.string(),
        queue: z.string(),
        state: z.enum(JOB_STATES),
        error: z.strictObject({ name: z.string(), message: z.string().nullable() }).nullable(),
      }),
    )
    .optional()
    .describe("Of a preview: five of them."),
  done: z.int(),
  skipped: z.array(z.strictObject({ id: z.uuid(), code: z.string().describe("Why it was left as it is.") })),
  next_cursor: z
    .string()
    .nullable()
    .describe("Of the next slice, null after the last one. A slice may be empty and have one."),
  searched_to: at.nullable(),
});
