import type { LeasedJob } from "./leases.ts";

/** What a job has beside its payload, as `alikeParams` sends it. */
interface Details {
  readonly max_attempts?: number;
  readonly depth?: number;
  readonly traceparent?: string;
  readonly metadata?: Record<string, unknown>;
}

/**
 * Jobs alike that were begun by the statement that stored them, from the lines in which they were sent: what a handler gets is not the
 * caller's own object.
 *
 * @throws {SyntaxError} where a line is missing, or no JSON
 */
export const toBegunJobs = (
  alike: Pick<LeasedJob, "type" | "queue" | "maxAttempts">,
  ids: readonly string[],
  payloads: readonly string[],
  details: readonly string[],
): readonly LeasedJob[] =>
  ids.map((id, n) => {
    const { max_attempts, depth = 0, traceparent = null, metadata = null } = JSON.parse(details[n] ?? "{}") as Details;
    return {
      id,
      type: alike.type,
      queue: alike.queue,
      attempt: 1,
      maxAttempts: max_attempts ?? alike.maxAttempts,
      depth,
      waitedMs: null,
      traceparent,
      metadata,
      payload: JSON.parse(payloads[n] ?? "") as unknown,
    };
  });
