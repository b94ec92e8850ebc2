import middy from "@middy/core";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { ForgeqError } from "../core/errors.ts";
import type { ApiKey } from "./authenticate.ts";
import { authentication, jsonBody, problems, routing, toResult } from "./middleware.ts";
import type { HttpContext } from "./middleware.ts";
import type { HttpLog } from "./problem.ts";
import type { Route } from "./router.ts";

export interface StackOptions {
  readonly routes: readonly Route[];
  readonly keys: () => Promise<readonly ApiKey[]>;
  readonly log: () => HttpLog;
}

/** An HTTP function: API Gateway's payload format 2.0. */
export type HttpHandler = (
  event: APIGatewayProxyEventV2,
  context: Context,
) => Promise<APIGatewayProxyStructuredResultV2>;

/** Kept back from the function's time-out, so that a slow database is answered as 503 and not as a broken function. */
const TIMEOUT_MARGIN_MS = 250;

const tooSlow = (): never => {
  throw new ForgeqError("too_slow", "The database did not answer in time");
};

/**
 * An HTTP function: finds the route, authenticates, reads the body, runs the route and answers JSON. Whatever is thrown
 * becomes a problem document; only failures of the service are logged, and never a body. Every answer carries the
 * request id and the security headers.
 */
export const httpHandler = ({ routes, keys, log }: StackOptions): HttpHandler => {
  const stack = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Error, HttpContext>({
    timeoutEarlyInMillis: TIMEOUT_MARGIN_MS,
    timeoutEarlyResponse: tooSlow,
  });
  stack.use([problems(log), routing(routes), authentication(keys), jsonBody()]);
  const handler = stack.handler(async (_event: APIGatewayProxyEventV2, { http }: HttpContext, { signal }) => {
    const hasLeft = () => signal.aborted || http.hasLeft();
    return toResult(await http.route.run({ ...http, hasLeft }), http.requestId);
  });
  return async (event, context) => handler(event, context as HttpContext);
};
