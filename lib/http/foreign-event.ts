import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { ForgeqError } from "../core/errors.ts";
import { toResult } from "./middleware.ts";
import { type HttpLog, problemOf } from "./problem.ts";

/** Who sent it, as far as its form tells. */
const senderOf = (event: unknown): string => {
  if (typeof event !== "object" || event === null) return "of nobody known";
  const { requestContext } = event as { readonly requestContext?: { readonly elb?: unknown } | null };
  if (requestContext?.elb !== undefined) return "of an Application Load Balancer";
  return "httpMethod" in event ? "of a REST API, or in payload format 1.0" : "of nobody known";
};

/** The answer to an event in a form that an HTTP function does not read; gateways of every kind pass it on. */
export const refuseEvent = (event: unknown, requestId: string, log: HttpLog): APIGatewayProxyStructuredResultV2 => {
  const message = `This function takes events of an HTTP API in payload format 2.0 and of a function URL; this one is ${senderOf(event)}`;
  log.error(message, { request_id: requestId });
  return toResult(problemOf(new ForgeqError("not_found", message), requestId), requestId);
};
