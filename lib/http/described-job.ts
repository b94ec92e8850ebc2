/** What the OpenAPI document says of a job: notes of what is sent, schemas of what is answered, and an example. Loaded for nothing else. */
import * as z from "zod";
import { ATTEMPT_OUTCOMES, JOB_STATES } from "../core/states.ts";
import { at, hidden } from "./answer-parts.ts";

/** What is said of the fields of a job that is sent. */
export const FIELD_NOTES: Readonly<Record<string, string>> = {
  payload: "What the type's handler gets.",
  id:
    "Of your own, so that the same request sent twice stores one job: a UUID of version 7, made between 30 days ago and an hour ahead. " +
    "forgeq.id_of(key, made_at) makes one.",
  queue: "The type's unless given.",
  priority: "Lower first.",
  unique_key: "At most one live job per type and key.",
  on_conflict: "Where a live job holds the unique_key: existing (unless given) answers with that job, reject with 409.",
  run_at: "At most ten years ahead; a past instant is due.",
  start_before:
    "No attempt is taken from then on: the job ends cancelled instead. After the instant at which it falls due.",
  delay_seconds: "Instead of run_at.",
  metadata: "Yours: kept with the job and searchable. At most 16 KiB.",
};

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

/** A job as `EnqueuedJob` and `Job` show it. */
export const exampleJob = {
  id: "019ab000-0000-7000-8000-00000000000a",
  type: "send_email",
  queue: "emails",
  state: "completed",
  priority: 5,
  metadata: { customer: 42 },
  unique_key: null,
  attempt: 1,
  max_attempts: 8,
  life: 1,
  progress: null,
  created_at: "2030-01-01T00:00:00.000Z",
  run_at: "2030-01-01T00:00:00.000Z",
  started_at: "2030-01-01T00:00:01.000Z",
  finished_at: "2030-01-01T00:00:02.000Z",
  result: { message_id: "<019ab000@localhost>" },
  error: null,
};

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
