import { randomUUID } from "node:crypto";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import type { RawBody } from "./body.ts";
import { toResult } from "./middleware.ts";
import { contextOf, toEvent } from "./node-adapter.ts";
import { problemOf } from "./problem.ts";
import { type BodyLimits, type Budget, collect, MOST_BODY_BYTES, type Source, tooLarge } from "./request-body.ts";
import type { HttpHandler } from "./stack.ts";

/** Of these statuses no answer has a body. */
const BODILESS = new Set([204, 205, 304]);

const chunksOf =
  (body: ReadableStream<Uint8Array>): Source<Uint8Array> =>
  ({ chunk, end, fail }) => {
    const reader = body.getReader();
    let stopped = false;
    const pump = async (): Promise<void> => {
      while (!stopped) {
        const { done, value } = await reader.read();
        if (stopped) return;
        if (done) end();
        else chunk(value);
      }
    };
    pump().catch(fail);
    return () => {
      stopped = true;
      // Whatever is still to come is not wanted. It may never come.
      void reader.cancel().catch(() => undefined);
    };
  };

const bodyReader =
  (request: Request, budget: Budget, quietMs: number | undefined) =>
  async (maxBytes: number): Promise<RawBody> => {
    if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
    if (request.body === null) return {};
    const body = await collect(chunksOf(request.body), budget, { maxBytes, quietMs });
    return body.length > 0 ? { body } : {};
  };

const toResponse = (method: string, result: APIGatewayProxyStructuredResultV2): Response => {
  const { statusCode: status = 200, body = "", isBase64Encoded = false } = result;
  const bytes = Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
  const headers = Object.entries(result.headers ?? {}).map(([name, value]): [string, string] => [name, String(value)]);
  return new Response(method === "HEAD" || BODILESS.has(status) ? null : bytes, { status, headers });
};

/**
 * A fetch handler around the functions that run on Lambda. The body is read when the function asks for it, and never before.
 *
 * @param handlerOf - the function of a request
 */
export const fetchHandler = (
  handlerOf: (method: string, path: string) => HttpHandler,
  { mostBodyBytes = MOST_BODY_BYTES, quietMs }: BodyLimits = {},
) => {
  const budget: Budget = { heldBytes: 0, mostBytes: mostBodyBytes };
  return async (request: Request): Promise<Response> => {
    const requestId = randomUUID();
    const { method, signal } = request;
    try {
      const { pathname, search, host } = new URL(request.url);
      const headers = { host, ...Object.fromEntries(request.headers) };
      const parts = { method, path: pathname + search, headers, protocol: "HTTP/1.1", address: "" };
      const event = toEvent(parts, requestId);
      const context = contextOf(requestId, () => signal.aborted, bodyReader(request, budget, quietMs));
      return toResponse(method, await handlerOf(method, pathname)(event, context));
    } catch (error) {
      return toResponse(method, toResult(problemOf(error, requestId), requestId));
    }
  };
};
