import { MAX_SMALL_BODY_BYTES } from "../fields.ts";
import { MAX_JOB_BYTES } from "../new-job.ts";
import type { Operations } from "../operation.ts";
import { LIST_PARAMETERS, LIST_PREFIXES, listQuery } from "../job-filter.ts";
import { attemptsQuery, cancelBody, jobQuery, livesQuery, retryBody } from "../schemas.ts";

export const jobOperations = {
  listJobs: {
    method: "GET",
    path: "/jobs",
    summary:
      "List or search jobs, newest first; payload.PATH=VALUE and metadata.PATH=VALUE compare what lies at a path",
    scopes: ["jobs:read"],
    query: listQuery,
    repeatable: LIST_PARAMETERS,
    prefixes: LIST_PREFIXES,
    answers: { 200: { description: "A page.", schema: "jobPage" } },
    errors: [],
  },
  getJob: {
    method: "GET",
    path: "/jobs/{id}",
    summary: "Show a job with its payload and its newest 100 attempts",
    scopes: ["jobs:read"],
    query: jobQuery,
    answers: {
      200: { description: "The job in its newest life, or in the one that was asked for.", schema: "wholeJob" },
    },
    errors: ["not_found"],
  },
  listAttempts: {
    method: "GET",
    path: "/jobs/{id}/attempts",
    summary: "List the attempts of a job's newest life, or of an earlier one, newest first",
    scopes: ["jobs:read"],
    query: attemptsQuery,
    answers: { 200: { description: "A page.", schema: "attemptPage" } },
    errors: ["not_found"],
  },
  listLives: {
    method: "GET",
    path: "/jobs/{id}/lives",
    summary: "List the earlier lives of a job, which retries by hand have ended, newest first",
    scopes: ["jobs:read"],
    query: livesQuery,
    answers: { 200: { description: "A page; empty for a job that was never retried by hand.", schema: "lifePage" } },
    errors: ["not_found"],
  },
  cancelJob: {
    method: "POST",
    path: "/jobs/{id}/cancel",
    summary: "Cancel a job",
    scopes: ["jobs:manage"],
    audit: "job.cancel",
    body: {
      schema: cancelBody,
      maxBytes: MAX_SMALL_BODY_BYTES,
      optional: true,
      refusal: { code: "invalid_job", message: "The cancel has fields that are not valid" },
    },
    answers: {
      200: { description: "Cancelled, now or before.", schema: "wholeJob" },
      202: {
        description: "Requested: a handler has it, and learns of the request with its next heartbeat.",
        schema: "wholeJob",
      },
    },
    errors: ["not_found", "illegal_state", "busy"],
  },
  retryJob: {
    method: "POST",
    path: "/jobs/{id}/retry",
    summary: "Run a finished job again: same id, next life",
    scopes: ["jobs:manage"],
    audit: "job.retry",
    body: {
      schema: retryBody,
      maxBytes: MAX_JOB_BYTES,
      optional: true,
      refusal: { code: "invalid_job", message: "The retry has fields that are not valid" },
    },
    answers: { 200: { description: "Pending again.", schema: "wholeJob" } },
    errors: [
      "not_found",
      "illegal_state",
      "stale_life",
      "unique_key_conflict",
      "payload_gone",
      "unknown_queue",
      "invalid_payload",
      "unknown_type",
    ],
  },
} as const satisfies Operations;
