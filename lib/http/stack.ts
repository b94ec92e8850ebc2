import middy from "@middy/core";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { ForgeqError } from "../core/errors.ts";
import type { KeyRing } from "./key-ring.ts";
import { authentication, checking, headersOf, methodOf, problems, routing, toResult } from "./middleware.ts";
import type { HttpContext, Routing } from "./middleware.ts";
import { finish } from "./finish.ts";
import type { WebSettings } from "../core/web-settings.ts";
import type { Observers } from "./observers.ts";
import { lazy } from "./lazy.ts";
import type { HttpResponse } from "./router.ts";

export interface StackOptions extends Routing {
  readonly ring: KeyRing;
  readonly observers: () => Observers;
}

/** An HTTP function: API Gateway's payload format 2.0. */
export type HttpHandler = (
  event: APIGatewayProxyEventV2,
  context: Context,
) => Promise<APIGatewayProxyStructuredResultV2>;

/** Kept back from the function's time-out, so that a slow database is answered as 503 and not as a broken function. */
const TIMEOUT_MARGIN_MS = 250;
/** A statement that ends as long before the time-out is answered before that. */
export const ANSWER_MS = TIMEOUT_MARGIN_MS + 50;

const tooSlow = (): never => {
  throw new ForgeqError("too_slow", "The database did not answer in time");
};

const locationOf = ({ headers: { location } = {} }: HttpResponse, basePath: string): Record<string, string> =>
  location === undefined ? {} : { location: basePath + location };

/** Settings that are wrong have been answered as such. */
const settled = (web: () => WebSettings): WebSettings => {
  try {
    return web();
  } catch {
    return { basePath: "", origins: [] };
  }
};

/**
 * An HTTP function: finds the route, authenticates, reads the body, runs the route and answers JSON. Whatever is thrown
 * becomes a problem document; only failures of the service and refused keys are logged, and never a body. Every answer carries the
 * request id and the security headers.
 */
export const httpHandler = ({ ring, observers, ...routed }: StackOptions): HttpHandler => {
  const log = () => observers().logger;
  const stack = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Error, HttpContext>({
    timeoutEarlyInMillis: TIMEOUT_MARGIN_MS,
    timeoutEarlyResponse: tooSlow,
  });
  const refused = lazy(async () => (await import("./refusal-log.ts")).createRefusalLog(observers));
  stack.use([problems(log, refused.get), routing(routed), authentication(ring), checking()]);
  const handler = stack.handler(async (_event: APIGatewayProxyEventV2, { http }: HttpContext, { signal }) => {
    const hasLeft = () => signal.aborted || http.hasLeft();
    const run = () => http.route.run({ ...http, hasLeft });
    // Loaded by the first request that leaves a line.
    const response = http.route.audit === undefined ? await run() : await (await import("./audit.ts")).audited(http, log(), run); // prettier-ignore
    const headers = { ...http.headersToAdd, ...response.headers, ...locationOf(response, http.basePath) };
    return toResult({ ...response, headers }, http.requestId);
  });
  return async (event, context) => {
    // Whatever the type says: a gateway of another kind may be before this function.
    if ((event as Partial<typeof event> | null)?.requestContext?.http === undefined) {
      const { refuseEvent } = await import("./foreign-event.ts");
      return refuseEvent(event, context.awsRequestId, log());
    }
    const headers = headersOf(event);
    const result = await handler(event, Object.assign(context as HttpContext, { headers }));
    return finish({ method: methodOf(event), headers }, result, settled(routed.web));
  };
};
