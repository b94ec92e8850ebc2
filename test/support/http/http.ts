import { createHash } from "node:crypto";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import type { Scope } from "../../../lib/http/api-keys.ts";
import type { HttpHandler } from "../../../lib/http/stack.ts";

export const SECRET = "a-secret-of-the-tests";

/** One configured key, whose secret is `SECRET`, as JSON. */
export const keysWith = (...scopes: Scope[]): string =>
  JSON.stringify([{ id: "test", sha256: createHash("sha256").update(SECRET).digest("hex"), scopes }]);

/** The secret of a key of `keysOf`. */
export const secretOf = (id: string): string => `a-key-of-the-tests-${id}`;

/** Several keys as FORGEQ_API_KEYS has them, by their ids: what each may do. */
export const keysOf = (keys: Readonly<Record<string, object>>): string =>
  JSON.stringify(
    Object.entries(keys).map(([id, key]) => ({
      id,
      sha256: createHash("sha256").update(secretOf(id)).digest("hex"),
      ...key,
    })),
  );

export const ALL_SCOPES = keysWith("jobs:write", "jobs:read", "jobs:manage", "payloads:read", "metrics:read");

export interface TestRequest {
  readonly method?: string;
  readonly path: string;
  readonly query?: string;
  readonly headers?: Record<string, string>;
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly isBase64Encoded?: boolean;
}

/** A request as API Gateway's payload format 2.0 has it, with a valid key unless `headers` say otherwise. */
export const eventOf = (request: TestRequest): APIGatewayProxyEventV2 => {
  const { path, query = "", body, isBase64Encoded = false } = request;
  const method = request.method ?? (body === undefined ? "GET" : "POST");
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: query,
    headers: {
      authorization: `Bearer ${SECRET}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...request.headers,
    },
    requestContext: {
      accountId: "123456789012",
      apiId: "api",
      domainName: "api.example.com",
      domainPrefix: "api",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      requestId: "gateway-request",
      routeKey: "$default",
      stage: "$default",
      time: "01/Jan/2030:00:00:00 +0000",
      timeEpoch: 1_893_456_000_000,
    },
    ...(text !== undefined && { body: text }),
    isBase64Encoded,
  };
};

export const CONTEXT = {
  awsRequestId: "request-1",
  functionName: "forgeq-test",
  getRemainingTimeInMillis: () => 10_000,
} as Context;

export interface Answer {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads whatever the answer has
  readonly body: any;
}

/** Sends a request through a handler and parses what it answers. */
export const send = async (handler: HttpHandler, request: TestRequest): Promise<Answer> => {
  const { statusCode, headers = {}, body = "" } = await handler(eventOf(request), { ...CONTEXT });
  return { status: statusCode, headers, body: JSON.parse(body) as unknown };
};
