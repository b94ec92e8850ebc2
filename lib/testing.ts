/** `forgeq/testing`: tests of handlers, alone or with a real queue, for any test runner. */
export { testJob } from "./testing/test-job.ts";
export type { EnqueuedByHandler, LogEntry, TestedJob, TestJobOptions } from "./testing/test-job.ts";
export { testQueue } from "./testing/test-queue.ts";
export type { TestQueue, TestQueueOptions } from "./testing/test-queue.ts";
export type { ExpectedJob } from "./testing/assert-enqueued.ts";
