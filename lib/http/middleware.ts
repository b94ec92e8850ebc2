import { randomUUID } from "node:crypto";
import type { MiddlewareObj } from "@middy/core";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { ForgeqError } from "../core/errors.ts";
import { authenticate } from "./authenticate.ts";
import type { ApiKey } from "./authenticate.ts";
import { rawBody, readJsonBody } from "./body.ts";
import { logFailure, problemOf } from "./problem.ts";
import type { HttpLog } from "./problem.ts";
import { matchRoute } from "./router.ts";
import type { HttpRequest, HttpResponse, Route } from "./router.ts";

/** The invocation's context while a request goes through the stack; each middleware adds its part of `http`. */
export interface HttpContext extends Context {
  /** Given where a client can be seen to hang up. */
  readonly hasLeft?: () => boolean;
  http: HttpRequest & { readonly route: Route };
}

type Middleware = MiddlewareObj<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Error, HttpContext>;

const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "x-content-type-options": "nosniff",
};

/** A response as API Gateway takes it: JSON or a text, with the request id and the security headers. */
export const toResult = (response: HttpResponse, requestId: string): APIGatewayProxyStructuredResultV2 => ({
  statusCode: response.status,
  headers: { "content-type": "application/json", ...SECURITY_HEADERS, "x-request-id": requestId, ...response.headers },
  body: typeof response.body === "string" ? response.body : JSON.stringify(response.body),
});

const requestIdOf = (event: APIGatewayProxyEventV2, context: Context): string =>
  context.awsRequestId || event.requestContext?.requestId || randomUUID();

const lowerCaseKeys = (headers: Readonly<Record<string, string | undefined>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value = ""]) => [name.toLowerCase(), value]));

/** API Gateway puts the stage before the path unless it is the default one. */
const pathOf = ({ rawPath = "/", requestContext }: APIGatewayProxyEventV2): string => {
  const prefix = `/${requestContext?.stage}/`;
  return rawPath.startsWith(prefix) ? rawPath.slice(prefix.length - 1) : rawPath;
};

/** Whatever is thrown becomes a problem document. */
export const problems = (log: () => HttpLog): Middleware => ({
  onError: ({ error, event, context }) => {
    const requestId = requestIdOf(event, context);
    logFailure(error, requestId, log());
    return toResult(problemOf(error, requestId), requestId);
  },
});

/** Finds the route: `not_found` when there is none, with `allow` when only the method is wrong. */
export const routing = (routes: readonly Route[]): Middleware => ({
  before: ({ event, context }) => {
    const method = event.requestContext?.http?.method ?? "GET";
    const path = pathOf(event);
    const match = matchRoute(routes, method, path);
    if (match === "not_found") throw new ForgeqError("not_found", "There is nothing at this path");
    if ("allow" in match) throw new ForgeqError("not_found", `This path takes ${match.allow.join(", ")}`, match);
    context.http = {
      ...match,
      headers: lowerCaseKeys(event.headers),
      query: new URLSearchParams(event.rawQueryString ?? ""),
      body: undefined,
      requestId: requestIdOf(event, context),
      keyId: null,
      hasLeft: context.hasLeft ?? (() => false),
    };
  },
});

/** Lets a caller through that has a key with the route's scope; open routes need none. */
export const authentication = (keys: () => Promise<readonly ApiKey[]>): Middleware => ({
  before: async ({ context }) => {
    const { route, headers } = context.http;
    if (route.scope === null) return;
    const key = authenticate(await keys(), headers, route.scope);
    context.http = { ...context.http, keyId: key.id };
  },
});

/** Parses the body of the routes that take one. */
export const jsonBody = (): Middleware => ({
  before: ({ event, context }) => {
    const { route, headers } = context.http;
    if (route.maxBodyBytes === undefined) return;
    const raw = rawBody(event);
    if (route.bodyOptional === true && (raw.body ?? "").trim() === "") return;
    context.http = { ...context.http, body: readJsonBody(raw, headers, route.maxBodyBytes) };
  },
});
