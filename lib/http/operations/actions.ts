import { bulkBody, cloneBody, rescheduleBody } from "../action-bodies.ts";
import type { Operations } from "../operation.ts";
import { MAX_SMALL_BODY_BYTES } from "../fields.ts";

const MAX_PAYLOAD_BODY_BYTES = 1024 * 1024;
const MAX_BULK_BYTES = 128 * 1024;

/** What is done to jobs besides cancelling and retrying one. */
export const actionOperations = {
  rescheduleJob: {
    method: "POST",
    path: "/jobs/{id}/reschedule",
    summary: "Move a job that waits to another instant, or to another priority",
    scopes: ["jobs:manage"],
    audit: "job.reschedule",
    body: {
      schema: rescheduleBody,
      maxBytes: MAX_SMALL_BODY_BYTES,
      refusal: { code: "invalid_job", message: "The reschedule has fields that are not valid" },
    },
    answers: { 200: { description: "The job as it is now.", schema: "wholeJob" } },
    errors: ["not_found", "illegal_state", "busy"],
  },
  cloneJob: {
    method: "POST",
    path: "/jobs/{id}/clone",
    takesKey: true,
    summary: "Enqueue a job like this one, with an id of its own",
    scopes: ["jobs:write"],
    audit: "job.clone",
    body: {
      schema: cloneBody,
      maxBytes: MAX_PAYLOAD_BODY_BYTES,
      optional: true,
      refusal: { code: "invalid_job", message: "The clone has fields that are not valid" },
    },
    answers: {
      201: {
        description: "The new job; its metadata.cloned_from is the other one.",
        schema: "enqueuedJob",
        located: true,
      },
    },
    errors: ["not_found", "payload_gone", "invalid_payload", "unknown_type", "unknown_queue", "queue_full"],
  },
  deleteJob: {
    method: "DELETE",
    path: "/jobs/{id}",
    summary: "Forget a finished job, all its lives and attempts",
    scopes: ["jobs:manage"],
    audit: "job.delete",
    answers: { 204: { description: "It is gone, now or before." } },
    errors: ["not_found", "illegal_state"],
  },
  bulkJobs: {
    method: "POST",
    path: "/jobs/bulk",
    takesKey: true,
    summary: "Retry, cancel, delete or reschedule a slice of up to 500 jobs, in one transaction",
    scopes: ["jobs:manage"],
    audit: "job.bulk",
    body: {
      schema: bulkBody,
      maxBytes: MAX_BULK_BYTES,
      refusal: { code: "invalid_body", message: "The bulk action has fields that are not valid" },
    },
    answers: { 200: { description: "What was done, or with dry_run would be.", schema: "bulkSlice" } },
    errors: ["invalid_job"],
  },
} as const satisfies Operations;
