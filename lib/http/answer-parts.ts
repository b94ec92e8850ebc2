/** What several answers have in them. */
import * as z from "zod";

export const at = z.iso.datetime();

export const hidden = z
  .array(z.string())
  .optional()
  .describe("The fields that are null because the key may not see them: it lacks jobs:read, or payloads:read.");

/** The limits of a queue that the code declares. */
const limits = z.strictObject({
  max_in_flight: z.int().nullable(),
  max_pending: z.int().nullable(),
  retention_days: z.int(),
  outcome_days: z
    .strictObject({ completed: z.int(), dead: z.int(), cancelled: z.int() })
    .partial()
    .optional()
    .describe("Days that jobs of an outcome are kept, where they are fewer."),
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
