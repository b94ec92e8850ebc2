import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { type HttpContext, toResult } from "./middleware.ts";
import { problemOf } from "./problem.ts";
import { bodyReader, type BodyLimits, type Budget, isUnwanted, MOST_BODY_BYTES, release } from "./request-body.ts";
import type { HttpHandler } from "./stack.ts";

const REQUEST_MS = 29_000;

/** What of a request an event is made of. */
export interface RequestParts {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly protocol: string;
  /** Of the client. */
  readonly address: string;
}

/** A request as API Gateway's payload format 2.0, without its body. */
export const toEvent = (
  { method, path: target, headers, protocol, address }: RequestParts,
  requestId: string,
): APIGatewayProxyEventV2 => {
  const at = target.indexOf("?");
  const path = at < 0 ? target : target.slice(0, at);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: at < 0 ? "" : target.slice(at + 1),
    headers,
    requestContext: {
      accountId: "local",
      apiId: "local",
      domainName: headers["host"] ?? "localhost",
      domainPrefix: "local",
      http: { method, path, protocol, sourceIp: address, userAgent: headers["user-agent"] ?? "" },
      requestId,
      routeKey: "$default",
      stage: "$default",
      time: "",
      timeEpoch: 0,
    },
    isBase64Encoded: false,
  };
};

/** Frameworks cut the path off that a router is mounted at, and keep the whole one here. */
const targetOf = (request: IncomingMessage & { readonly originalUrl?: string }): string =>
  request.originalUrl ?? request.url ?? "/";

const headersOf = ({ headers }: IncomingMessage): Record<string, string | undefined> => {
  const joined: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers)) joined[name] = Array.isArray(value) ? value.join(",") : value;
  return joined;
};

const partsOf = (request: IncomingMessage): RequestParts => ({
  method: request.method ?? "GET",
  path: targetOf(request),
  headers: headersOf(request),
  protocol: `HTTP/${request.httpVersion}`,
  address: request.socket.remoteAddress ?? "",
});

/** The context of a request that this process serves. */
export const contextOf = (
  requestId: string,
  hasLeft: () => boolean,
  readBody: NonNullable<HttpContext["readBody"]>,
): Context => {
  const startedAtMs = performance.now();
  return {
    awsRequestId: requestId,
    functionName: "forgeq-server",
    getRemainingTimeInMillis: () => Math.max(0, REQUEST_MS - (performance.now() - startedAtMs)),
    hasLeft,
    readBody,
  } as Pick<HttpContext, "hasLeft" | "readBody"> as Context;
};

const send = (request: IncomingMessage, response: ServerResponse, result: APIGatewayProxyStructuredResultV2): void => {
  if (isUnwanted(request)) {
    response.setHeader("connection", "close");
    // Node reads what comes until the answer is out.
    request.on("data", release);
  }
  const { body: text = "" } = result;
  // A text goes out together with the headers.
  const body = result.isBase64Encoded === true ? Buffer.from(text, "base64") : text;
  const length = Buffer.byteLength(body);
  // An answer to HEAD has none, and says nothing of how long it would be.
  const sized = request.method === "HEAD" || length === 0 ? {} : { "content-length": length };
  response.writeHead(result.statusCode ?? 200, { ...(result.headers as Record<string, string>), ...sized });
  response.end(body);
};

/**
 * A listener for node:http around the functions that run on Lambda: the request as API Gateway's payload format 2.0, the answer
 * as it was given. The body is read when the function asks for it, and never before.
 *
 * @param handlerOf - the function of a request
 */
export const nodeListener = (
  handlerOf: (method: string, path: string) => HttpHandler,
  { mostBodyBytes = MOST_BODY_BYTES, quietMs }: BodyLimits = {},
) => {
  const budget: Budget = { heldBytes: 0, mostBytes: mostBodyBytes };
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const requestId = randomUUID();
    try {
      const event = toEvent(partsOf(request), requestId);
      const handler = handlerOf(event.requestContext.http.method, event.rawPath);
      const readBody = bodyReader(request, response, budget, quietMs);
      const context = contextOf(requestId, () => response.destroyed, readBody);
      send(request, response, await handler(event, context));
    } catch (error) {
      // The client hung up, or the function broke outside its own stack. A request is destroyed also when it was read to its end.
      if (response.headersSent || request.socket.destroyed) response.destroy();
      else send(request, response, toResult(problemOf(error, requestId), requestId));
    }
  };
};
