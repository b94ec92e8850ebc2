/** The job types and queues of the filled database: those of this project, and two for what they lack. */
import * as z from "zod";
import { jobs as projectJobs } from "../../functions/registry.ts";
import { defineJob, defineQueue } from "../../lib/core/define.ts";

const keep = { maxInFlight: null, retentionDays: 365 } as const;

export const JOBS = [
  ...projectJobs,
  defineJob({ type: "capped_job", queue: "capped", payload: z.looseObject({}) }),
  defineJob({ type: "fleeting_job", queue: "fleeting", payload: z.looseObject({}) }),
] as const;

export const QUEUES = [
  defineQueue({ name: "emails", ...keep }),
  // Limited, as a queue is unless it says otherwise.
  defineQueue({ name: "crawl", ...keep, maxInFlight: 10_000 }),
  defineQueue({ name: "reports", ...keep }),
  defineQueue({ name: "capped", ...keep, maxPending: 100_000_000 }),
  defineQueue({ name: "fleeting", ...keep, keepCompleted: false }),
  // Without a job, and it keeps them for a shorter time than the others.
  defineQueue({ name: "quiet", ...keep, retentionDays: 30 }),
] as const;

export const TYPES: readonly string[] = JOBS.map(({ type }) => type);

export const PAYLOAD = {
  email: "user5@example.com",
  subject: "Your order has shipped",
  body: "Hello, your order is on its way.",
};
