import { trace } from "@opentelemetry/api";
import { lambdaHandler } from "../../../lib/job.ts";
import { relay } from "./jobs.ts";

export const handler = lambdaHandler(relay, async ({ hops, failures }, job) => {
  if (job.attempt <= failures) throw new TypeError("not yet");
  return trace.getTracer("application").startActiveSpan("work", async (span) => {
    try {
      return { next: hops === 0 ? null : await job.enqueue(relay, { hops: hops - 1 }) };
    } finally {
      span.end();
    }
  });
});
