/** Examples of the OpenAPI document, by operation and by component. test/integration/http/examples.test.ts sends them to a server. */
import type { JobDefinition } from "../core/job.ts";
import { exampleJob } from "./described-job.ts";
import { examplePayload } from "./openapi-jobs.ts";

type Json = Record<string, unknown>;

/** A body of each operation that takes one; of an enqueue, where a job type's schema has an example of its payload. */
export const exampleBodies = (definitions: readonly JobDefinition[]): Json => {
  const shown = definitions.find((each) => examplePayload(each) !== undefined);
  const job = shown && { type: shown.type, payload: examplePayload(shown) };
  return {
    ...(job !== undefined && {
      enqueueJob: { ...job, delay_seconds: 60, unique_key: "welcome:42", metadata: { customer: 42 } },
      enqueueJobs: { jobs: [job, { ...job, priority: 0 }] },
      createSchedule: { name: "daily", cron: "0 9 * * 1-5", timezone: "Europe/Berlin", ...job },
      setSchedule: { cron: "0 10 * * 1-5", timezone: "Europe/Berlin", ...job },
    }),
    cancelJob: { reason: "The customer has left" },
    retryJob: { life: 1 },
    previewSchedule: { cron: "0 9 * * 1-5", timezone: "Europe/Berlin" },
    rescheduleJob: { delay_seconds: 60, priority: 2 },
    cloneJob: { delay_seconds: 60 },
    bulkJobs: { action: "retry", filter: { state: "dead", type: "send_email" }, dry_run: true },
    signIn: { key: "fq_0123456789ab_a-key-of-yours" },
    createKey: { label: "web shop", scopes: ["jobs:write"], types: null, queues: null, days: 365 },
    pauseQueue: { reason: "The mail server is being moved", until: "2035-01-01T00:00:00Z" },
    setQueue: { max_in_flight: 50, max_pending: 100_000, retention_days: 14 },
  };
};

const ATTEMPT = {
  number: 1,
  outcome: "completed",
  lease_id: "019ab000-0000-7000-8000-0000000000f1",
  began_at: "2030-01-01T00:00:01.000Z",
  ended_at: "2030-01-01T00:00:02.000Z",
  error: null,
};

const QUEUED = { state: "pending", attempt: 0, started_at: null, finished_at: null, result: null };

/** By component. */
export const examplesOfAnswers: Readonly<Record<string, Json>> = {
  EnqueuedJob: { ...exampleJob, ...QUEUED },
  Job: { ...exampleJob, payload: { email: "test@example.com", subject: "Hello", body: "" }, attempts: [ATTEMPT] },
  AttemptPage: { data: [ATTEMPT], next_cursor: null },
  Problem: {
    type: "urn:forgeq:problem:invalid_payload",
    title: "The payload is not valid",
    status: 422,
    code: "invalid_payload",
    detail: "The payload does not fit its job type",
    request_id: "2f1c9d0e",
    errors: [{ pointer: "/payload/email", detail: "Invalid email address" }],
  },
};
