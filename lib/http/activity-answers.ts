/** What shows activity answers, as schemas: see answers.ts. */
import * as z from "zod";
import { at, hidden, queue } from "./answer-parts.ts";

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
  example: z.string().nullable().describe("The newest message as it was, its first 400 characters."),
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
  overdue_schedules: z
    .array(z.strictObject({ name: z.string(), next_slot_at: at }))
    .describe("Schedules whose slot passed 3 minutes ago or earlier and was not fired, the latest first, at most 5."),
});
