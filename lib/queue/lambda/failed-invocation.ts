import * as z from "zod";
import { invocationFailed } from "../../db/protocol/leases.ts";
import type { Deps } from "../deps.ts";
import { isOutage } from "./outage.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

/** Lambda's record for an on-failure destination. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
const Failure = z.object({
  requestContext: z.object({
    requestId: z.string(),
    condition: z.string(),
  }),
  requestPayload: z.object({ lease_id: z.uuid() }),
  responseContext: z.object({ functionError: z.string().optional() }).optional(),
  responsePayload: z.unknown().optional(),
});

const ErrorPayload = z.object({ errorType: z.string().optional(), errorMessage: z.string().optional() });

const MESSAGE_CHARACTERS = 2_000;

export type FailedInvocationOutcome = "released" | "recovered" | "ignored" | "closed" | "not_ours";

/**
 * The platform reports that a handler's invocation failed. A lease that had not begun is given back, and its type is blocked; one that had is recovered
 * only for a function error of its own invocation. A record that is not of a lease is logged and dropped.
 */
export const handleFailedInvocation = async (deps: Deps, record: unknown): Promise<FailedInvocationOutcome> => {
  const parsed = Failure.safeParse(record);
  if (!parsed.success) {
    deps.logger.warn("a failure record that is not of a lease was dropped");
    return "not_ours";
  }
  const { requestContext, requestPayload, responseContext, responsePayload } = parsed.data;
  const functionError = responseContext?.functionError !== undefined && requestContext.condition !== "EventAgeExceeded";
  const payload = ErrorPayload.safeParse(responsePayload).data;
  const { outcome, wakeSeconds } = await invocationFailed(deps.db, {
    leaseId: requestPayload.lease_id,
    invocation: requestContext.requestId,
    reason: !functionError ? "event_age_exceeded" : isOutage(payload?.errorType) ? "outage" : "function_error",
    error: {
      name: payload?.errorType ?? requestContext.condition,
      message: (payload?.errorMessage ?? "the invocation failed").slice(0, MESSAGE_CHARACTERS).replaceAll("\0", ""),
    },
    at: deps.clock(),
  });
  deps.logger.warn("an invocation failed", {
    lease: requestPayload.lease_id,
    condition: requestContext.condition,
    outcome,
  });
  await wakeDispatcher(deps, wakeSeconds);
  return outcome;
};
