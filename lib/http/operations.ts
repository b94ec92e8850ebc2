/** Every operation of the API, for its OpenAPI document. test/unit/openapi.test.ts compares it with the routes. */
import type * as z from "zod";
import * as answers from "./answers.ts";
import type { Scope } from "./api-keys.ts";
import type { ProblemCode } from "./problem.ts";
import type { Route } from "./router.ts";
import { newSchedule, scheduleEdit } from "./schedule-body.ts";
import {
  attemptsQuery,
  batchBody,
  enqueueBody,
  healthQuery,
  listQuery,
  metricsQuery,
  queueLimits,
  queuesQuery,
  retryBody,
} from "./schemas.ts";

interface Answer {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** The content type of a text; JSON unless given. */
  readonly contentType?: string;
}

export interface Operation {
  readonly method: Route["method"];
  readonly path: Route["path"];
  readonly summary: string;
  /** None: open to everybody. */
  readonly scopes: readonly Scope[];
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly bodyOptional?: boolean;
  /** The answers by status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Errors in addition to those that every operation with a key, or with a body, can answer. */
  readonly errors: readonly ProblemCode[];
}

/** What an enqueue may be refused with, of one job or of many. */
const ENQUEUE_ERRORS = [
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

export const operations: readonly Operation[] = [
  {
    method: "POST",
    path: "/jobs",
    summary: "Enqueue a job",
    scopes: ["jobs:write"],
    body: enqueueBody,
    answers: {
      201: { description: "Stored; Location names it.", schema: answers.enqueuedJob },
      200: {
        description: "The id, or a live job with this unique_key, was there: that job.",
        schema: answers.enqueuedJob,
      },
    },
    errors: ENQUEUE_ERRORS,
  },
  {
    method: "POST",
    path: "/jobs/batch",
    summary: "Enqueue up to 1,000 jobs in one transaction",
    scopes: ["jobs:write"],
    body: batchBody,
    answers: { 201: { description: "All stored, or there already.", schema: answers.enqueuedBatch } },
    errors: ENQUEUE_ERRORS,
  },
  {
    method: "GET",
    path: "/jobs",
    summary: "List jobs, newest first",
    scopes: ["jobs:read"],
    query: listQuery,
    answers: { 200: { description: "A page.", schema: answers.jobPage } },
    errors: ["invalid_query"],
  },
  {
    method: "GET",
    path: "/jobs/{id}",
    summary: "Show a job with its payload and its newest 100 attempts",
    scopes: ["jobs:read"],
    answers: { 200: { description: "The job in its newest life.", schema: answers.wholeJob } },
    errors: ["not_found"],
  },
  {
    method: "GET",
    path: "/jobs/{id}/attempts",
    summary: "List the attempts of a job's newest life, newest first",
    scopes: ["jobs:read"],
    query: attemptsQuery,
    answers: { 200: { description: "A page.", schema: answers.attemptPage } },
    errors: ["not_found", "invalid_query"],
  },
  {
    method: "POST",
    path: "/jobs/{id}/cancel",
    summary: "Cancel a job",
    scopes: ["jobs:manage"],
    answers: {
      200: { description: "Cancelled, now or before.", schema: answers.wholeJob },
      202: {
        description: "Requested: a handler has it, and learns of the request with its next heartbeat.",
        schema: answers.wholeJob,
      },
    },
    errors: ["not_found", "illegal_state", "busy"],
  },
  {
    method: "POST",
    path: "/jobs/{id}/retry",
    summary: "Run a finished job again: same id, next life",
    scopes: ["jobs:manage"],
    body: retryBody,
    bodyOptional: true,
    answers: { 200: { description: "Pending again.", schema: answers.wholeJob } },
    errors: [
      "not_found",
      "invalid_job",
      "illegal_state",
      "stale_life",
      "unique_key_conflict",
      "payload_gone",
      "unknown_queue",
      "queue_full",
    ],
  },
  {
    method: "GET",
    path: "/queues",
    summary: "List the queues",
    scopes: ["jobs:read"],
    query: queuesQuery,
    answers: { 200: { description: "A page, by name.", schema: answers.queueList } },
    errors: ["invalid_query"],
  },
  {
    method: "GET",
    path: "/queues/{name}",
    summary: "Show a queue",
    scopes: ["jobs:read"],
    answers: { 200: { description: "The queue.", schema: answers.queue } },
    errors: ["not_found"],
  },
  {
    method: "PUT",
    path: "/queues/{name}",
    summary:
      "Set a queue's limits and types, or declare it with its types; limits of the code no longer apply to what is set",
    scopes: ["jobs:manage"],
    body: queueLimits,
    answers: {
      200: { description: "The queue as it is now.", schema: answers.queue },
      201: { description: "The queue, declared by this call.", schema: answers.queue },
    },
    errors: ["not_found", "invalid_queue", "unknown_type"],
  },
  {
    method: "DELETE",
    path: "/queues/{name}",
    summary: "Delete a queue that has no live job and that the code does not declare; its finished jobs stay",
    scopes: ["jobs:manage"],
    answers: { 204: { description: "It is gone." } },
    errors: ["not_found", "queue_declared", "queue_not_empty", "busy"],
  },
  {
    method: "POST",
    path: "/queues/{name}/pause",
    summary: "Stop claiming; what runs goes on",
    scopes: ["jobs:manage"],
    answers: { 200: { description: "The queue, paused.", schema: answers.queue } },
    errors: ["not_found"],
  },
  {
    method: "POST",
    path: "/queues/{name}/resume",
    summary: "Claim again, immediately",
    scopes: ["jobs:manage"],
    answers: { 200: { description: "The queue, going on.", schema: answers.queue } },
    errors: ["not_found"],
  },
  {
    method: "GET",
    path: "/schedules",
    summary: "List the schedules",
    scopes: ["jobs:read"],
    answers: { 200: { description: "All of them, by name.", schema: answers.scheduleList } },
    errors: [],
  },
  {
    method: "POST",
    path: "/schedules",
    summary: "Make a schedule",
    scopes: ["jobs:manage", "jobs:write"],
    body: newSchedule,
    answers: { 201: { description: "The schedule.", schema: answers.wholeSchedule } },
    errors: ["invalid_schedule", "invalid_job", "invalid_payload", "unknown_type", "unknown_queue", "schedule_exists"],
  },
  {
    method: "GET",
    path: "/schedules/{name}",
    summary: "Show a schedule with its next slots",
    scopes: ["jobs:read"],
    answers: { 200: { description: "The schedule.", schema: answers.wholeSchedule } },
    errors: ["not_found"],
  },
  {
    method: "PUT",
    path: "/schedules/{name}",
    summary: "Replace a schedule; slots that are due by then fire first",
    scopes: ["jobs:manage", "jobs:write"],
    body: scheduleEdit,
    answers: { 200: { description: "The schedule as it is now.", schema: answers.wholeSchedule } },
    errors: [
      "not_found",
      "invalid_schedule",
      "invalid_job",
      "invalid_payload",
      "unknown_type",
      "unknown_queue",
      "declared_in_code",
      "busy",
    ],
  },
  {
    method: "DELETE",
    path: "/schedules/{name}",
    summary: "Remove a schedule; its jobs stay",
    scopes: ["jobs:manage"],
    answers: { 204: { description: "It is gone." } },
    errors: ["not_found", "declared_in_code"],
  },
  {
    method: "POST",
    path: "/schedules/{name}/trigger",
    summary: "Enqueue one job of a schedule now, in addition to its slots",
    scopes: ["jobs:manage", "jobs:write"],
    answers: { 201: { description: "The job.", schema: answers.wholeJob } },
    errors: ["not_found", "unknown_type", "unknown_queue", "queue_full"],
  },
  {
    method: "GET",
    path: "/metrics",
    summary: "Counters, histograms and gauges for Prometheus, at most 10 s old",
    scopes: ["metrics:read"],
    query: metricsQuery,
    answers: { 200: { description: "Prometheus' text format.", contentType: "text/plain" } },
    errors: ["invalid_query"],
  },
  {
    method: "GET",
    path: "/health",
    summary:
      "Is this process there? With deep=1 and a key with metrics:read: does the database answer, with this version's schema?",
    scopes: [],
    query: healthQuery,
    answers: { 200: { description: "It does.", schema: answers.healthy } },
    errors: ["unauthorized", "forbidden", "database_unavailable", "too_slow"],
  },
  {
    method: "GET",
    path: "/openapi.json",
    summary: "This document",
    scopes: ["jobs:read"],
    answers: { 200: { description: "OpenAPI 3.1." } },
    errors: [],
  },
];
