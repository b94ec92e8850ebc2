/** Events as gateways make them. */
import { randomUUID } from "node:crypto";
import { ACCOUNT, REGION } from "./template.ts";

export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const headersOf = ({ headers = {}, body }: HttpCall) => ({
  ...(body === undefined ? {} : { "content-type": "application/json" }),
  "user-agent": "world",
  "x-forwarded-for": "203.0.113.9",
  "x-forwarded-proto": "https",
  ...headers,
});

const bodyOf = ({ body }: HttpCall) =>
  body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
export const gatewayEvent = (call: HttpCall, routeKey: string, domain = "abc.execute-api") => ({
  version: "2.0",
  routeKey,
  rawPath: call.path,
  rawQueryString: "",
  headers: headersOf(call),
  requestContext: {
    accountId: ACCOUNT,
    apiId: "abc",
    domainName: `${domain}.${REGION}.amazonaws.com`,
    http: { method: call.method, path: call.path, protocol: "HTTP/1.1", sourceIp: "203.0.113.9", userAgent: "world" },
    requestId: randomUUID(),
    routeKey,
    stage: "$default",
    timeEpoch: Date.now(),
  },
  ...bodyOf(call),
  isBase64Encoded: false,
});

/** https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html */
export const functionUrlEvent = (call: HttpCall) => gatewayEvent(call, "$default", "abc.lambda-url");

/** Of a REST API: payload format 1.0. */
export const restApiEvent = (call: HttpCall) => ({
  resource: call.path,
  path: call.path,
  httpMethod: call.method,
  headers: headersOf(call),
  multiValueHeaders: {},
  queryStringParameters: null,
  requestContext: { accountId: ACCOUNT, httpMethod: call.method, path: call.path, stage: "dev", identity: {} },
  ...bodyOf(call),
  isBase64Encoded: false,
});

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html */
export const loadBalancerEvent = (call: HttpCall) => ({
  requestContext: { elb: { targetGroupArn: `arn:aws:elasticloadbalancing:${REGION}:${ACCOUNT}:targetgroup/a/b` } },
  httpMethod: call.method,
  path: call.path,
  queryStringParameters: {},
  headers: headersOf(call),
  ...bodyOf(call),
  isBase64Encoded: false,
});

export const tickEvent = () => ({
  version: "0",
  id: randomUUID(),
  "detail-type": "Scheduled Event",
  source: "aws.events",
  account: ACCOUNT,
  time: new Date().toISOString(),
  region: REGION,
  resources: [`arn:aws:events:${REGION}:${ACCOUNT}:rule/tick`],
  detail: {},
});

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
export const failureRecord = (input: {
  readonly requestId: string;
  readonly arn: string;
  readonly condition: "RetriesExhausted" | "EventAgeExceeded";
  readonly tries: number;
  readonly payload: unknown;
  readonly error?: unknown;
}) => ({
  version: "1.0",
  timestamp: new Date().toISOString(),
  requestContext: {
    requestId: input.requestId,
    functionArn: `${input.arn}:$LATEST`,
    condition: input.condition,
    approximateInvokeCount: input.tries,
  },
  requestPayload: input.payload,
  ...(input.error === undefined
    ? {}
    : {
        responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
        responsePayload: input.error,
      }),
});
