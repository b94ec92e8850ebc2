/** Prints a plan as CloudFormation, with the resources that the Serverless Framework makes of the same functions. */
import { arnOf, type Json, type Resource, type Resources } from "./names.ts";
import type { Plan, PlannedFunction } from "./plan.ts";

/** Where the code of a function lies. */
export type Code = Readonly<Record<string, Json>>;

const logGroup = ({ ids, parameters }: Plan, { key, name }: PlannedFunction): Resources => ({
  [ids.function(key, "LogGroup")]: {
    Type: "AWS::Logs::LogGroup",
    Properties: { LogGroupName: `/aws/lambda/${name}`, RetentionInDays: parameters.logRetentionDays },
  },
});

const lambdaFunction = ({ ids, parameters }: Plan, planned: PlannedFunction, code: Code): Resources => {
  const { key, role, reserved, mayRecurse } = planned;
  const { vpcSubnetIds, vpcSecurityGroupIds } = parameters;
  return {
    [ids.function(key)]: {
      Type: "AWS::Lambda::Function",
      Properties: {
        Code: code,
        Handler: "index.handler",
        Runtime: "nodejs24.x",
        FunctionName: planned.name,
        MemorySize: planned.memorySize,
        Timeout: planned.timeoutSeconds,
        Architectures: ["arm64"],
        Environment: { Variables: planned.environment },
        Role: arnOf(role),
        LoggingConfig: { LogFormat: "JSON" },
        ...(mayRecurse && { RecursiveLoop: "Allow" }),
        ...(reserved !== null && { ReservedConcurrentExecutions: reserved }),
        ...(vpcSubnetIds.length > 0 && {
          VpcConfig: { SubnetIds: vpcSubnetIds, SecurityGroupIds: vpcSecurityGroupIds },
        }),
      },
      DependsOn: [ids.function(key, "LogGroup"), role],
    },
  };
};

const invokeConfig = ({ ids }: Plan, { key, events }: PlannedFunction): Resources => {
  if (events === null) return {};
  const target = events.onFailure === "records" ? ids.resource("FailedRecords") : ids.function(events.onFailure ?? "");
  return {
    [ids.function(key, "LambdaEvConf")]: {
      Type: "AWS::Lambda::EventInvokeConfig",
      Properties: {
        FunctionName: { Ref: ids.function(key) },
        DestinationConfig: events.onFailure === null ? {} : { OnFailure: { Destination: arnOf(target) } },
        Qualifier: "$LATEST",
        ...(events.maximumEventAgeSeconds !== null && { MaximumEventAgeInSeconds: events.maximumEventAgeSeconds }),
        MaximumRetryAttempts: events.maximumRetryAttempts,
      },
    },
  };
};

const permission = (id: string, principal: string, source: Json): Resource => ({
  Type: "AWS::Lambda::Permission",
  Properties: {
    FunctionName: arnOf(id),
    Action: "lambda:InvokeFunction",
    Principal: principal,
    SourceArn: source,
  },
});

const schedule = ({ ids }: Plan, { key, everyMinute }: PlannedFunction): Resources => {
  if (everyMinute === null) return {};
  const rule = ids.function(key, "EventsRuleSchedule1");
  return {
    [rule]: {
      Type: "AWS::Events::Rule",
      Properties: {
        ScheduleExpression: "rate(1 minute)",
        State: everyMinute ? "ENABLED" : "DISABLED",
        Targets: [{ Arn: arnOf(ids.function(key)), Id: `${key}Schedule` }],
      },
    },
    [ids.function(key, "LambdaPermissionEventsRuleSchedule1")]: permission(
      ids.function(key),
      "events.amazonaws.com",
      arnOf(rule),
    ),
  };
};

const gatewayArn = (api: string): Json => ({
  "Fn::Join": [
    "",
    [
      "arn:",
      { Ref: "AWS::Partition" },
      ":execute-api:",
      { Ref: "AWS::Region" },
      ":",
      { Ref: "AWS::AccountId" },
      ":",
      { Ref: api },
      "/*",
    ],
  ],
});

/** `POST /jobs/{id}` as a part of a logical id. */
const routeId = (route: string): string =>
  route
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean)
    .map((word, index) =>
      index === 0 ? word.charAt(0) + word.slice(1).toLowerCase() : word.charAt(0).toUpperCase() + word.slice(1),
    )
    .join("");

const routes = ({ ids }: Plan, { key, routes: paths }: PlannedFunction): Resources => {
  if (paths.length === 0) return {};
  const api = ids.resource("HttpApi");
  const integration = ids.function(key, "HttpApiIntegration");
  return {
    [ids.function(key, "LambdaPermissionHttpApi")]: permission(
      ids.function(key),
      "apigateway.amazonaws.com",
      gatewayArn(api),
    ),
    [integration]: {
      Type: "AWS::ApiGatewayV2::Integration",
      Properties: {
        ApiId: { Ref: api },
        IntegrationType: "AWS_PROXY",
        IntegrationUri: arnOf(ids.function(key)),
        PayloadFormatVersion: "2.0",
        TimeoutInMillis: 30_000,
      },
    },
    ...Object.fromEntries(
      paths.map((route): [string, Resource] => [
        ids.resource(`HttpApiRoute${routeId(route)}`),
        {
          Type: "AWS::ApiGatewayV2::Route",
          Properties: {
            ApiId: { Ref: api },
            RouteKey: route,
            Target: { "Fn::Join": ["/", ["integrations", { Ref: integration }]] },
          },
          DependsOn: [integration],
        },
      ]),
    ),
  };
};

const gateway = ({ ids, service, stage, parameters, gateway: stageSettings }: Plan): Resources =>
  parameters.http
    ? {
        [ids.resource("HttpApi")]: {
          Type: "AWS::ApiGatewayV2::Api",
          Properties: { Name: `${stage}-${service}`, ProtocolType: "HTTP" },
        },
        [ids.resource("HttpApiStage")]: {
          Type: "AWS::ApiGatewayV2::Stage",
          Properties: {
            ApiId: { Ref: ids.resource("HttpApi") },
            StageName: "$default",
            AutoDeploy: true,
            ...stageSettings,
          },
        },
      }
    : {};

/** Everything that the plan is of. */
export const printPlan = (plan: Plan, codeOf: (key: string) => Code): Resources => ({
  ...plan.resources,
  ...Object.fromEntries(
    plan.functions.flatMap((planned) => [
      ...Object.entries(logGroup(plan, planned)),
      ...Object.entries(lambdaFunction(plan, planned, codeOf(planned.key))),
      ...Object.entries(invokeConfig(plan, planned)),
      ...Object.entries(schedule(plan, planned)),
      ...Object.entries(routes(plan, planned)),
    ]),
  ),
  ...gateway(plan),
});

/** The URL of the gateway. */
export const gatewayUrl = ({ ids }: Plan): Json => ({
  "Fn::Join": [
    "",
    [
      "https://",
      { Ref: ids.resource("HttpApi") },
      ".execute-api.",
      { Ref: "AWS::Region" },
      ".",
      { Ref: "AWS::URLSuffix" },
    ],
  ],
});

/**
 * A template of its own, for `aws cloudformation deploy`. Its parameters say where the zips lie.
 *
 * @param zips - their file names, by function key
 */
export const printTemplate = (plan: Plan, zips: Readonly<Record<string, string>>): object => ({
  AWSTemplateFormatVersion: "2010-09-09",
  Description: `ForgeQ, ${plan.prefix}`,
  Parameters: {
    CodeBucket: { Type: "String", Description: "The S3 bucket that has the zips of forgeq build" },
    CodePrefix: { Type: "String", Default: "", Description: "What comes before their names there, as forgeq/" },
  },
  Resources: printPlan(plan, (key) => ({
    S3Bucket: { Ref: "CodeBucket" },
    S3Key: { "Fn::Join": ["", [{ Ref: "CodePrefix" }, zips[key] ?? `${key}.zip`]] },
  })),
  ...(plan.parameters.http && { Outputs: { HttpApiUrl: { Value: gatewayUrl(plan) } } }),
});
