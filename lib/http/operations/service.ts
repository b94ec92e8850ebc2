import type { Operations } from "../operation.ts";
import { healthQuery, metricsQuery } from "../schemas.ts";

/** About the service itself. */
export const serviceOperations = {
  getMetrics: {
    method: "GET",
    path: "/metrics",
    summary: "Counters, histograms and gauges for Prometheus, at most 10 s old",
    scopes: ["metrics:read"],
    query: metricsQuery,
    repeatable: ["queue"],
    answers: { 200: { description: "Prometheus' text format.", contentType: "text/plain" } },
    errors: [],
  },
  getHealth: {
    method: "GET",
    path: "/health",
    summary:
      "Is this process there? With deep=1 and a key with metrics:read: does the database answer, with this version's schema?",
    scopes: [],
    deepScope: "metrics:read",
    query: healthQuery,
    answers: { 200: { description: "It does.", schema: "healthy" } },
    errors: ["unauthorized", "forbidden", "database_unavailable", "too_slow"],
  },
  getOpenapi: {
    method: "GET",
    path: "/openapi.json",
    summary: "This document",
    scopes: ["jobs:read"],
    answers: { 200: { description: "OpenAPI 3.1." } },
    errors: [],
  },
} as const satisfies Operations;
