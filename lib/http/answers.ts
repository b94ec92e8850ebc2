/** What the API answers, as schemas: the source of the OpenAPI document, loaded for nothing else. */
import * as z from "zod";
import { CATCH_UPS, OVERLAPS } from "../core/schedule.ts";
import { ATTEMPT_OUTCOMES, JOB_STATES } from "../core/states.ts";
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

const attemptError = z.strictObject({ name: z.string(), message: z.string().nullable(), stack: z.string().optional() });

const attempt = z.strictObject({
  number: z.int().describe("From 1; it repeats where an attempt was not counted."),
  outcome: z.enum(ATTEMPT_OUTCOMES),
  lease_id: z.uuid().nullable(),
  began_at: at.nullable(),
  ended_at: at,
  error: attemptError.nullable(),
});

const summary = z.strictObject({
  id: z.uuid(),
  type: z.string(),
  queue: z.string(),
  state: z.enum(JOB_STATES),
  priority: z.int().min(0).max(9),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  unique_key: z.string().nullable(),
  attempt: z.int().describe("Attempts that were counted."),
  max_attempts: z.int(),
  life: z.int().describe("From 1; each retry by hand begins the next one."),
  progress: z.strictObject({ fraction: z.number().min(0).max(1), note: z.string().nullish() }).nullable(),
  created_at: at,
  run_at: at,
  start_before: at
    .optional()
    .describe("Of a live job that has one, shown by itself: no attempt is taken from then on."),
  started_at: at.nullable().describe("When the newest attempt began."),
  finished_at: at.nullable(),
  result: z.unknown(),
  error: attemptError.nullable().describe("The last one."),
  hidden,
});

/** As `POST /jobs` answers it. */
export const enqueuedJob = summary.extend({
  deduplicated: z
    .literal(true)
    .optional()
    .describe("The id, or a live job with this unique_key, was there already: this is that job."),
});

/** As a list shows it: with what `include` asked for. */
export const listedJob = summary.extend({
  result: z.unknown().optional(),
  payload: z.unknown().optional(),
  attempts: z.array(attempt).optional(),
});

const retried = z
  .strictObject({
    at,
    by: z.string().describe("A key, a user of the command line, or a role of the database."),
  })
  .optional()
  .describe("Of an earlier life: the retry by hand that began the next one.");

/** As `GET /jobs/{id}` shows it. */
export const wholeJob = summary.extend({
  payload: z.unknown(),
  attempts: z.array(attempt).nullable().describe("The newest 100, the oldest of these first."),
  retried,
});

/** As `GET /jobs/{id}/lives` shows them. */
export const lifePage = z.strictObject({
  data: z.array(summary.omit({ result: true }).extend({ retried })).describe("The newest first."),
  next_cursor: z.string().nullable().describe("Of the next page, null on the last one."),
});

/** As `GET /jobs/{id}/attempts` shows them. */
export const attemptPage = z.strictObject({
  data: z.array(attempt).describe("Newest first."),
  next_cursor: z.string().nullable().describe("Of the next page, null on the last one."),
  hidden,
});

export const jobPage = z.strictObject({
  data: z.array(listedJob),
  next_cursor: z
    .string()
    .nullable()
    .describe("Of the next page, null on the last one. A page that is not full, or empty, may have one, too."),
  searched_to: at
    .nullable()
    .describe("All jobs that were made since then have been looked at; null: all that are kept."),
});

export const enqueuedBatch = z.strictObject({ jobs: z.array(enqueuedJob).describe("In the order of the request.") });

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
