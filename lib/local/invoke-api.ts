/** Lambda's Invoke API over HTTP, as the AWS SDK and ForgeQ's own client call it. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { behindSecret, isFromPage } from "./callers.ts";
import { accept, type EventsState, type Fault } from "./events.ts";
import { invokeFunction } from "./local-function.ts";

/** What answers a request: the state of the events, and what a test does to them. */
export interface InvokeApi {
  readonly events: EventsState;
  readonly faults: (functionName: string, event: unknown) => Fault | undefined;
  /** With which the path of each request begins. */
  readonly secret: string;
}

const MAX_ASYNC_BYTES = 1024 * 1024;
const PATH = /^\/2015-03-31\/functions\/([^/?]+)\/invocations$/;

/** Where a function of the invoker at `endpoint` is invoked. */
export const invocationsUrl = (endpoint: string, functionName: string): string =>
  `${endpoint}/2015-03-31/functions/${functionName}/invocations`;

interface Answer {
  readonly status: number;
  /** Null for an empty body. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const refusal = (status: number, type: string, message: string): Answer => ({
  status,
  body: { Type: "User", Message: message },
  headers: { "x-amzn-errortype": type },
});

const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** The event of a body, in an array; null when it is not JSON. */
const parseEvent = (body: Buffer): readonly [unknown] | null => {
  try {
    return [body.length === 0 ? {} : (JSON.parse(body.toString("utf8")) as unknown)];
  } catch {
    return null;
  }
};

const answerOf = async (
  { events, faults, secret }: InvokeApi,
  request: IncomingMessage,
  requestId: string,
): Promise<Answer> => {
  const path = behindSecret(secret, request.url);
  if (path === null || isFromPage(request))
    return refusal(403, "AccessDeniedException", "Not for web pages, nor without the secret");
  const name = decodeURIComponent(PATH.exec(path)?.[1] ?? "");
  const target = events.functions.get(name);
  if (request.method !== "POST" || target === undefined)
    return refusal(404, "ResourceNotFoundException", `Function not found: ${name}`);
  const body = await readBody(request);
  const parsed = parseEvent(body);
  if (parsed === null) return refusal(400, "InvalidRequestContentException", "Could not parse request body into json");
  const [event] = parsed;
  if (request.headers["x-amz-invocation-type"] !== "Event") {
    const result = await invokeFunction(target, event, requestId);
    if ("error" in result) return { status: 200, body: result.error, headers: { "x-amz-function-error": "Unhandled" } };
    return { status: 200, body: result.result };
  }
  if (body.length > MAX_ASYNC_BYTES)
    return refusal(413, "RequestTooLargeException", `${body.length} byte payload is too large`);
  const fault = faults(name, event);
  if (fault?.throttle === true) return refusal(429, "TooManyRequestsException", "Rate Exceeded.");
  accept(events, name, event, requestId, fault);
  return { status: 202, body: null };
};

/** Answers one request. */
export const answerInvoke = async (
  api: InvokeApi,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const requestId = randomUUID();
  const { status, body, headers } = await answerOf(api, request, requestId);
  response
    .writeHead(status, { "content-type": "application/json", "x-amzn-requestid": requestId, ...headers })
    .end(body === null ? "" : JSON.stringify(body));
};
