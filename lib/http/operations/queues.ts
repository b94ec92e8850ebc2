import type { Operations } from "../operation.ts";
import { MAX_SMALL_BODY_BYTES } from "../fields.ts";
import { namedQuery, pauseBody, queueLimits } from "../schemas.ts";

export const queueOperations = {
  listQueues: {
    method: "GET",
    path: "/queues",
    summary: "List the queues",
    scopes: ["jobs:read"],
    query: namedQuery,
    answers: { 200: { description: "A page, by name.", schema: "queueList" } },
    errors: [],
  },
  getQueue: {
    method: "GET",
    path: "/queues/{name}",
    summary: "Show a queue",
    scopes: ["jobs:read"],
    answers: { 200: { description: "The queue.", schema: "queue" } },
    errors: ["not_found"],
  },
  setQueue: {
    method: "PUT",
    path: "/queues/{name}",
    summary:
      "Set a queue's limits and types, or declare it with its types; limits of the code no longer apply to what is set",
    scopes: ["jobs:manage"],
    audit: "queue.set",
    body: {
      schema: queueLimits,
      maxBytes: MAX_SMALL_BODY_BYTES,
      refusal: { code: "invalid_queue", message: "The queue has fields that are not valid" },
    },
    answers: {
      200: { description: "The queue as it is now.", schema: "queue" },
      201: { description: "The queue, declared by this call.", schema: "queue", located: true },
    },
    errors: ["not_found", "unknown_type"],
  },
  deleteQueue: {
    method: "DELETE",
    path: "/queues/{name}",
    summary: "Delete a queue that has no live job and that the code does not declare; its finished jobs stay",
    scopes: ["jobs:manage"],
    audit: "queue.delete",
    answers: { 204: { description: "It is gone." } },
    errors: ["not_found", "queue_declared", "queue_not_empty", "busy"],
  },
  pauseQueue: {
    method: "POST",
    path: "/queues/{name}/pause",
    summary: "Stop claiming; what runs goes on",
    scopes: ["jobs:manage"],
    audit: "queue.pause",
    body: {
      schema: pauseBody,
      maxBytes: MAX_SMALL_BODY_BYTES,
      optional: true,
      refusal: { code: "invalid_queue", message: "The pause has fields that are not valid" },
    },
    answers: { 200: { description: "The queue, paused.", schema: "queue" } },
    errors: ["not_found"],
  },
  resetLimits: {
    method: "DELETE",
    path: "/queues/{name}/limits",
    summary: "Take back the limits that operators have set: those of the code are in force again",
    scopes: ["jobs:manage"],
    audit: "queue.reset_limits",
    answers: { 200: { description: "The queue as it is now.", schema: "queue" } },
    errors: ["not_found"],
  },
  resumeQueue: {
    method: "POST",
    path: "/queues/{name}/resume",
    summary: "Claim again, immediately",
    scopes: ["jobs:manage"],
    audit: "queue.resume",
    answers: { 200: { description: "The queue, going on.", schema: "queue" } },
    errors: ["not_found"],
  },
} as const satisfies Operations;
