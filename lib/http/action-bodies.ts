/** What the actions on jobs take. */
import * as z from "zod";
import { MAX_DELAY_SECONDS } from "../core/backoff.ts";
import { camelCased } from "../core/camel-case.ts";
import { jobFilterBody } from "./job-filter.ts";
import { instant } from "./fields.ts";
import { cursor, reason } from "./schemas.ts";

const MAX_JOBS = 500;

const when = {
  run_at: instant.exactOptional().describe("At most ten years ahead; a past instant is now."),
  delay_seconds: z.number().min(0).max(MAX_DELAY_SECONDS).exactOptional().describe("From now on; instead of run_at."),
  priority: z.int().min(0).max(9).exactOptional(),
};

interface When {
  readonly run_at?: Date;
  readonly delay_seconds?: number;
  readonly priority?: number;
}

const hasOneInstant = ({ run_at, delay_seconds }: When): boolean => run_at === undefined || delay_seconds === undefined;
const ONE_INSTANT = { path: ["delay_seconds"], error: "can't be given together with run_at" };

/** `POST /jobs/{id}/reschedule`. Gives what `rescheduleJob` takes. */
export const rescheduleBody = z
  .strictObject(when)
  .refine(hasOneInstant, ONE_INSTANT)
  .refine((body) => Object.keys(body).length > 0, "must have run_at, delay_seconds or priority")
  .transform(camelCased);

/** `POST /jobs/{id}/clone`. */
export const cloneBody = z.strictObject({
  payload: z.unknown().optional().describe("Instead of the other job's."),
  delay_seconds: when.delay_seconds,
});

const id = z.guid().toLowerCase();

/** `POST /jobs/bulk`. */
export const bulkBody = z
  .strictObject({
    action: z.enum(["retry", "cancel", "delete", "reschedule"]),
    ids: z.array(id).min(1).max(MAX_JOBS).exactOptional().describe("Jobs in their newest lives."),
    jobs: z
      .array(z.strictObject({ id, life: z.int().min(1).max(2_147_483_647) }))
      .min(1)
      .max(MAX_JOBS)
      .exactOptional()
      .describe("Instead of ids: jobs in the lives that you saw."),
    filter: jobFilterBody.exactOptional().describe("Instead of ids: the names are those of GET /jobs."),
    all: z.literal(true).exactOptional().describe("Needed with an empty filter."),
    before: instant.exactOptional().describe("Of the preview: what came later is left as it is."),
    cursor: cursor.exactOptional().describe("next_cursor of the slice before."),
    limit: z.int().min(1).max(MAX_JOBS).default(100),
    dry_run: z.boolean().default(false).describe("Changes nothing, and counts up to 10,000 jobs."),
    note: reason.exactOptional().describe("Why: for the audit line."),
    reason: reason.exactOptional().describe("Of a cancel: the error of the jobs, once they are cancelled."),
    ...when,
  })
  .refine(hasOneInstant, ONE_INSTANT)
  .refine(
    ({ ids, jobs, filter }) => [ids, jobs, filter].filter((each) => each !== undefined).length === 1,
    "must have one of ids, jobs and filter",
  )
  .refine(({ filter, all }) => filter === undefined || Object.keys(filter).length > 0 || all === true, {
    path: ["filter"],
    error: "is empty, which means every job: say so by all: true",
  })
  .refine(({ filter, cursor: after }) => filter !== undefined || after === undefined, {
    path: ["cursor"],
    error: "is for a filter alone",
  })
  .refine(({ action, ...body }) => (action === "reschedule") === Object.keys(when).some((name) => name in body), {
    path: ["action"],
    error: "reschedule needs run_at, delay_seconds or priority, and no other action takes them",
  })
  .refine(({ action, reason: given }) => action === "cancel" || given === undefined, {
    path: ["reason"],
    error: "is for a cancel alone",
  })
  .transform(({ run_at, delay_seconds, priority, ...body }) => ({
    ...body,
    to: camelCased({
      ...(run_at !== undefined && { run_at }),
      ...(delay_seconds !== undefined && { delay_seconds }),
      ...(priority !== undefined && { priority }),
    }),
  }));
