/** What the API answers, as schemas: the source of the OpenAPI document, loaded for nothing else. */
import * as z from "zod";
import { CATCH_UPS, OVERLAPS } from "../core/schedule.ts";
import { ATTEMPT_OUTCOMES, JOB_STATES } from "../core/states.ts";

const at = z.iso.datetime();
const attemptError = z.strictObject({ name: z.string(), message: z.string().nullable(), stack: z.string().optional() });

const hidden = z
  .array(z.string())
  .optional()
  .describe("The fields that are null because the key may not see them: it lacks jobs:read, or payloads:read.");

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
  started_at: at.nullable().describe("When the newest attempt began."),
  finished_at: at.nullable(),
  result: z.unknown(),
  error: attemptError.nullable().describe("The last one."),
  hidden,
});

/** As `POST /jobs` answers it. */
export const enqueuedJob = summary;

/** As a list shows it: with what `include` asked for. */
export const listedJob = summary.extend({
  payload: z.unknown().optional(),
  attempts: z.array(attempt).optional(),
});

/** As `GET /jobs/{id}` shows it. */
export const wholeJob = summary.extend({
  payload: z.unknown(),
  attempts: z.array(attempt).nullable().describe("The newest 100, the oldest of these first."),
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

/** The limits of a queue that the code declares. */
const limits = z.strictObject({
  max_in_flight: z.int().nullable(),
  max_pending: z.int().nullable(),
  retention_days: z.int(),
});

export const queue = z.strictObject({
  name: z.string(),
  paused: z.boolean(),
  pause: z
    .strictObject({
      reason: z.string().nullable(),
      since: at.nullable(),
      until: at.nullable().describe("The pause ends then by itself, about a minute later at most."),
    })
    .nullable(),
  declared: z.boolean().describe("The code declares it: it can't be deleted here."),
  types: z
    .array(z.string())
    .describe("Types whose jobs may go there by an operator's word, in addition to those of which the code says so."),
  max_in_flight: z.int().nullable().describe("How many jobs may be leased or running; null is no limit."),
  max_pending: z.int().nullable().describe("Jobs that may wait; null is no limit."),
  retention_days: z.int().describe("Days that finished jobs are kept."),
  overridden: z.array(z.string()).describe("The limits that an operator has set, and the code does not change."),
  code: limits.nullable().describe("What the code declares, whatever an operator has set; null where it never has."),
  in_flight: z.int(),
  jobs: z.strictObject({
    scheduled: z.int(),
    pending: z.int(),
    leased: z.int(),
    running: z.int(),
    dead: z.int(),
  }),
  capped: z.boolean().describe("A number of jobs is a lower bound: no more were counted."),
  oldest_pending_age_seconds: z.number().nullable(),
  per_minute: z
    .strictObject({ enqueued: z.number(), completed: z.number(), failed: z.number(), dead: z.number() })
    .nullable()
    .describe("Of the last five minutes; null without two ticks in them."),
});

export const queueList = z.strictObject({
  data: z.array(queue),
  next_cursor: z.string().nullable().describe("Of the next page, null on the last one."),
});

export const schedule = z.strictObject({
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
  declared: z.boolean().describe("Made from the code: only its pause switch can be changed here."),
  last_slot_at: z.string().nullable(),
  next_slot_at: z.string().nullable(),
  hidden,
});

export const scheduleList = z.strictObject({ data: z.array(schedule) });

export const wholeSchedule = schedule.extend({
  description: z.string().describe("The rule in words."),
  next_slots: z.array(z.string()).describe("The next five."),
});

const percentiles = z
  .strictObject({ p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() })
  .describe("Seconds; null where nothing began.");

const happened = z.strictObject({
  enqueued: z.int().describe("Jobs stored or retried by hand."),
  completed: z.int(),
  failed: z.int().describe("Attempts that failed."),
  dead: z.int(),
  cancelled: z.int(),
  wait: percentiles,
  run: percentiles,
});

const points = z.array(happened.extend({ at: at.describe("When the step begins.") }));

export const stats = z.strictObject({
  window: z.string(),
  step_seconds: z.int(),
  from: at,
  to: at,
  totals: happened,
  points,
});

export const jobCounts = z.strictObject({
  scheduled: z.int().nullable().describe("Null where the queues have jobs of other types, too."),
  pending: z.int().nullable(),
  waiting: z.int().describe("Scheduled or pending."),
  leased: z.int(),
  running: z.int(),
  dead: z.int(),
  cancelled: z.int(),
  capped: z.boolean().describe("A number is a lower bound: no more were counted."),
  by: z
    .array(
      z.strictObject({
        queue: z.string(),
        type: z.string(),
        waiting: z.int(),
        in_flight: z.int(),
        dead: z.int(),
        cancelled: z.int(),
      }),
    )
    .describe("At most 200, most dead ones first."),
});

const errorGroup = z.strictObject({
  fingerprint: z.string().describe("GET /jobs?error= finds its jobs."),
  name: z.string(),
  message: z.string().nullable().describe("Ids and numbers are #."),
  frame: z.string().nullable().describe("The first line of the stack that is no library's."),
  types: z.array(z.string()),
  queues: z.array(z.string()),
  attempts: z.int(),
  jobs: z.int(),
  dead: z.int(),
  first_at: at,
  last_at: at,
  job_id: z.uuid().describe("The newest."),
  spark: z.array(z.int()).describe("Attempts in twelfths of the time since `since`, oldest first."),
});

export const errorList = z.strictObject({
  data: z.array(errorGroup),
  attempts: z.int().describe("Failed attempts that were read."),
  since: at.describe("How far back they go."),
  complete: z.boolean().describe("All of the window were read."),
  hidden,
});

export const leaseList = z.strictObject({
  data: z.array(
    z.strictObject({
      id: z.uuid(),
      type: z.string(),
      queue: z.string(),
      jobs: z.int(),
      job_ids: z.array(z.uuid()).describe("The first 100."),
      created_at: at,
      began_at: at.nullable(),
      expires_at: at,
      expired: z.boolean(),
      invocation: z.string().nullable(),
      cancel_requested: z.array(z.uuid()),
      progress: z
        .record(z.string(), z.strictObject({ fraction: z.number(), note: z.string().nullish() }))
        .describe("By job."),
    }),
  ),
  next_cursor: z.string().nullable().describe("Of the next page, null on the last one."),
  hidden,
});

export const workerList = z.strictObject({
  data: z.array(
    z.strictObject({
      id: z.uuid().nullable(),
      invocation: z.string().nullable(),
      listening: z.boolean(),
      queues: z.array(z.string()).nullable().describe("Null: all."),
      types: z.array(z.string()),
      offers_until: at.nullable(),
      leases: z.int(),
      jobs: z.int(),
      since: at.nullable(),
    }),
  ),
  capped: z.boolean().describe("There are more."),
});

const jobType = z.strictObject({
  type: z.string(),
  queue: z.string(),
  queues: z.array(z.string()),
  priority: z.int(),
  max_attempts: z.int(),
  backoff: z.record(z.string(), z.unknown()),
  timeout_seconds: z.number(),
  lease_seconds: z.number(),
  batch_size: z.int(),
  search: z.array(z.string()).describe("JSON pointers that have an index."),
  search_ready: z.boolean().describe("The indexes are whole."),
  overridden: z.array(z.string()).describe("What an operator has set."),
  declared: z.boolean().describe("This process has its code."),
});

export const typeList = z.strictObject({ data: z.array(jobType), next_cursor: z.string().nullable() });

export const wholeType = jobType.extend({
  payload_schema: z.record(z.string(), z.unknown()).nullable().describe("JSON Schema; null without the code."),
});

export const schedulePreview = z.strictObject({
  description: z.string().describe("The rule in words."),
  next_slots: z.array(at).describe("The next five."),
});

export const overview = z.strictObject({
  at,
  service: z.string(),
  stage: z.string(),
  wake: z.string(),
  last_tick_at: at.nullable(),
  next_event_at: at.nullable().describe("When a job, a slot or a lease is due next; a key of a part does not see it."),
  totals: z.strictObject({
    scheduled: z.int(),
    pending: z.int(),
    leased: z.int(),
    running: z.int(),
    dead: z.int(),
    capped: z.boolean(),
    oldest_pending_age_seconds: z.number().nullable(),
    in_flight: z.int(),
    max_in_flight: z.int().nullable().describe("Null where a queue has no limit."),
  }),
  last_hour: happened,
  per_minute: queue.shape.per_minute,
  points,
  queues: z.array(queue).describe("Latest first, at most 100."),
  queues_left_out: z.int(),
  errors: errorList,
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
});
