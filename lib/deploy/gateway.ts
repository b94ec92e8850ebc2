/** How much the HTTP API's stage lets through before a function is paid for, and its access log. */
import { arnOf, type Ids, type Json, type Resources } from "./names.ts";
import type { Parameters } from "./parameters.ts";

/** What a request was, who sent it and what it got; never a header, a query or a body. */
const FORMAT = JSON.stringify({
  request_id: "$context.requestId",
  at: "$context.requestTimeEpoch",
  address: "$context.identity.sourceIp",
  route: "$context.routeKey",
  status: "$context.status",
  bytes: "$context.responseLength",
  milliseconds: "$context.responseLatency",
  error: "$context.error.message",
});

export const gatewayLog = (ids: Ids, prefix: string, { accessLog, logRetentionDays }: Parameters): Resources =>
  accessLog
    ? {
        [ids.resource("HttpApiAccessLog")]: {
          Type: "AWS::Logs::LogGroup",
          Properties: { LogGroupName: `/aws/http-api/${prefix}`, RetentionInDays: logRetentionDays },
        },
      }
    : {};

/** Properties of the stage. */
export const stageSettings = (
  ids: Ids,
  { throttleRate, throttleBurst, accessLog }: Parameters,
): Readonly<Record<string, Json>> => ({
  DefaultRouteSettings: {
    DetailedMetricsEnabled: true,
    ThrottlingRateLimit: throttleRate,
    ThrottlingBurstLimit: throttleBurst,
  },
  ...(accessLog && {
    AccessLogSettings: { DestinationArn: arnOf(ids.resource("HttpApiAccessLog")), Format: FORMAT },
  }),
});
