// What serverless.yml has no word for of the HTTP API's stage: how much it lets through before a function is paid for, and its access log.

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

export const gatewayResources = ({ prefix, accessLog, logRetentionDays }) =>
  accessLog
    ? {
        HttpApiAccessLog: {
          Type: "AWS::Logs::LogGroup",
          Properties: { LogGroupName: `/aws/http-api/${prefix}`, RetentionInDays: logRetentionDays },
        },
      }
    : {};

export const gatewayExtension = ({ throttleRate, throttleBurst, accessLog }) => ({
  Properties: {
    DefaultRouteSettings: {
      DetailedMetricsEnabled: true,
      ThrottlingRateLimit: throttleRate,
      ThrottlingBurstLimit: throttleBurst,
    },
    ...(accessLog && {
      AccessLogSettings: { DestinationArn: { "Fn::GetAtt": ["HttpApiAccessLog", "Arn"] }, Format: FORMAT },
    }),
  },
});
