/** What the enqueue function takes. It loads no other schema than these. */
import * as z from "zod";
import { MAX_DELAY_SECONDS } from "../core/backoff.ts";
import { ON_CONFLICT } from "../core/job.ts";
import { instant, metadata, name, uniqueKey } from "./fields.ts";

/** What `POST /jobs` takes; the payload is left to the type's own schema. Gives what `enqueueJobs` takes. */
export const enqueueBody = z
  .strictObject({
    type: name,
    payload: z.unknown(),
    // Of whatever version here: the database refuses others, and says why, to all callers alike.
    id: z.guid().toLowerCase().exactOptional(),
    queue: name.exactOptional(),
    priority: z.int().min(0).max(9).exactOptional(),
    run_at: instant.exactOptional(),
    start_before: instant.exactOptional(),
    delay_seconds: z.number().min(0).max(MAX_DELAY_SECONDS).exactOptional(),
    max_attempts: z.int().min(1).max(1000).exactOptional(),
    unique_key: uniqueKey.exactOptional(),
    on_conflict: z.enum(ON_CONFLICT).exactOptional(),
    metadata: metadata.exactOptional(),
  })
  .refine((body) => body.run_at === undefined || body.delay_seconds === undefined, {
    path: ["delay_seconds"],
    error: "can't be given together with run_at",
  })
  .refine((body) => body.run_at === undefined || body.start_before === undefined || body.start_before > body.run_at, {
    path: ["start_before"],
    error: "must be after run_at",
  })
  .refine((body) => body.on_conflict === undefined || body.unique_key !== undefined, {
    path: ["on_conflict"],
    error: "needs a unique_key",
  })
  .refine((body) => body.payload !== undefined, { path: ["payload"], error: "is required" })
  .transform(({ run_at, start_before, delay_seconds, max_attempts, unique_key, on_conflict, ...same }) => ({
    ...same,
    ...(run_at !== undefined && { runAt: run_at }),
    ...(start_before !== undefined && { startBefore: start_before }),
    ...(delay_seconds !== undefined && { delaySeconds: delay_seconds }),
    ...(max_attempts !== undefined && { maxAttempts: max_attempts }),
    ...(unique_key !== undefined && { uniqueKey: unique_key }),
    ...(on_conflict !== undefined && { onConflict: on_conflict }),
  }));

/** At most this many jobs in a batch. */
export const MAX_BATCH = 1000;

/** The envelope of `POST /jobs/batch`. The count is checked first, so that a huge list costs nothing. */
export const batchBody = z.strictObject({
  jobs: z
    .custom<readonly unknown[]>(Array.isArray, "must be a list of jobs")
    .refine((jobs) => jobs.length >= 1 && jobs.length <= MAX_BATCH, `must have 1 to ${MAX_BATCH} jobs`),
});
