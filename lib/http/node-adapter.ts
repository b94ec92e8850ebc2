import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda";
import { ForgeqError } from "../core/errors.ts";
import { type HttpContext, toResult } from "./middleware.ts";
import { problemOf } from "./problem.ts";
import type { HttpHandler } from "./stack.ts";

/** What Lambda takes at most; a route's own limit is lower and answers more precisely. */
const MAX_BODY_BYTES = 6 * 1024 * 1024;
const REQUEST_MS = 29_000;

/** The body, or null when it is longer than any route takes. */
const readBody = async (request: IncomingMessage): Promise<Buffer | null> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

const toEvent = (request: IncomingMessage, body: Buffer, requestId: string): APIGatewayProxyEventV2 => {
  const url = request.url ?? "/";
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : value]),
  );
  const method = request.method ?? "GET";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: at < 0 ? "" : url.slice(at + 1),
    headers,
    requestContext: {
      accountId: "local",
      apiId: "local",
      domainName: headers["host"] ?? "localhost",
      domainPrefix: "local",
      http: {
        method,
        path,
        protocol: `HTTP/${request.httpVersion}`,
        sourceIp: request.socket.remoteAddress ?? "",
        userAgent: headers["user-agent"] ?? "",
      },
      requestId,
      routeKey: "$default",
      stage: "$default",
      time: "",
      timeEpoch: 0,
    },
    // Whatever the bytes are, the function decodes and checks them.
    ...(body.length > 0 ? { body: body.toString("base64"), isBase64Encoded: true } : { isBase64Encoded: false }),
  };
};

const contextOf = (requestId: string, response: ServerResponse): Context => {
  const startedAtMs = performance.now();
  return {
    awsRequestId: requestId,
    functionName: "forgeq-server",
    getRemainingTimeInMillis: () => Math.max(0, REQUEST_MS - (performance.now() - startedAtMs)),
    hasLeft: () => response.destroyed,
  } as Pick<HttpContext, "hasLeft"> as Context;
};

const send = (response: ServerResponse, result: APIGatewayProxyStructuredResultV2): void => {
  response.writeHead(result.statusCode ?? 200, {
    ...(result.headers as Record<string, string>),
    "content-length": Buffer.byteLength(result.body ?? ""),
  });
  response.end(result.body ?? "");
};

/**
 * A listener for node:http around the functions that run on Lambda: the request as API Gateway's payload format 2.0, the answer
 * as it was given. A body over 6 MB is refused before it is read to its end.
 *
 * @param handlerOf - the function of a request
 */
export const nodeListener =
  (handlerOf: (method: string, path: string) => HttpHandler) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const requestId = randomUUID();
    try {
      const body = await readBody(request);
      if (body === null) {
        response.setHeader("connection", "close");
        const refusal = new ForgeqError("payload_too_large", `At most ${MAX_BODY_BYTES} bytes are taken`);
        send(response, toResult(problemOf(refusal, requestId), requestId));
        return;
      }
      const event = toEvent(request, body, requestId);
      send(
        response,
        await handlerOf(event.requestContext.http.method, event.rawPath)(event, contextOf(requestId, response)),
      );
    } catch (error) {
      // The client hung up, or the function broke outside its own stack. A request is destroyed also when it was read to its end.
      if (response.headersSent || request.socket.destroyed) response.destroy();
      else send(response, toResult(problemOf(error, requestId), requestId));
    }
  };
