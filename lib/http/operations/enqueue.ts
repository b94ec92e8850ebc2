import { MAX_JOB_BYTES, REFUSALS } from "../new-job.ts";
import type { Operations } from "../operation.ts";
import { batchBody, enqueueBody } from "../job-body.ts";

const MAX_BATCH_BYTES = 5_000_000;

/** What an enqueue may be refused with, of one job or of many. */
const ERRORS = [
  "invalid_job",
  "invalid_payload",
  "unknown_type",
  "unknown_queue",
  "id_version",
  "id_conflict",
  "unique_key_conflict",
  "queue_full",
  "busy",
] as const;

const refusal = { code: "invalid_job", message: REFUSALS.invalid_job } as const;

export const enqueueOperations = {
  enqueueJob: {
    method: "POST",
    path: "/jobs",
    takesKey: true,
    function: "enqueue",
    summary: "Enqueue a job",
    scopes: ["jobs:write"],
    body: { schema: enqueueBody, maxBytes: MAX_JOB_BYTES, refusal, checkedByHandler: true },
    answers: {
      201: { description: "Stored; Location names it.", schema: "enqueuedJob", located: true },
      200: {
        description:
          "The id, or a live job with this unique_key, was there: that job, whatever its payload for a unique_key.",
        schema: "enqueuedJob",
        located: true,
      },
    },
    errors: ERRORS,
  },
  enqueueJobs: {
    method: "POST",
    path: "/jobs/batch",
    takesKey: true,
    function: "enqueue",
    summary: "Enqueue up to 1,000 jobs in one transaction",
    scopes: ["jobs:write"],
    body: { schema: batchBody, maxBytes: MAX_BATCH_BYTES, refusal, checkedByHandler: true },
    answers: { 201: { description: "All stored, or there already.", schema: "enqueuedBatch" } },
    errors: ERRORS,
  },
} as const satisfies Operations;
