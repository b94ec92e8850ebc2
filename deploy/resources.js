// The CloudFormation beside the functions: a role for each with no more than it needs, and settings that serverless.yml has no
// word for. The handlers are those of functions/handlers, so a new job type needs its entry in serverless.yml and nothing here.
import { jobTypes } from "../esbuild.config.mjs";
import { alarmResources } from "./alarms.js";

const pascalCase = (key) => key.replace(/(?:^|[-_])(.)/g, (_, letter) => letter.toUpperCase());
/** As the framework names a function's resource. */
const logicalId = (key) =>
  `${key.charAt(0).toUpperCase()}${key.slice(1)}`.replaceAll("-", "Dash").replaceAll("_", "Underscore") +
  "LambdaFunction";

// Fn::Join, because the framework takes the dollar signs of Fn::Sub for variables of its own here.
const join = (...parts) => ({ "Fn::Join": [":", parts] });
const PARTITION = { Ref: "AWS::Partition" };
const arn = (service, resource) =>
  join("arn", PARTITION, service, { Ref: "AWS::Region" }, { Ref: "AWS::AccountId" }, resource);
const allow = (Action, Resource) => ({ Effect: "Allow", Action, Resource });

/** On unless a parameter says otherwise: the alarms, and the dashboard. */
const watched = async (prefix, handlers, param, resolveVariable) => {
  if (String(await param("alarms")) !== "true") return {};
  const timeoutSeconds = async (key) => Number(await resolveVariable(`self:functions.${key}.timeout`));
  return alarmResources({
    service: prefix,
    wake: String(await param("wake")),
    metrics: String(await param("metrics")) === "true",
    lateSeconds: Number(await param("lateSeconds")),
    topicArn: String(await param("alarmTopicArn")),
    asynchronous: ["dispatcher", "scheduler", "failed-invocation", ...handlers].map((key) => `${prefix}-${key}`),
    handlers: await Promise.all(
      handlers.map(async (key) => ({ name: `${prefix}-${key}`, timeoutSeconds: await timeoutSeconds(key) })),
    ),
  });
};

const resources = async ({ resolveVariable }) => {
  const service = await resolveVariable("self:service");
  const stage = await resolveVariable("sls:stage");
  const param = (name) => resolveVariable(`param:${name}`);
  const prefix = `${service}-${stage}`;
  const handlers = jobTypes().map((type) => `handler-${type}`);

  const databaseUrl = await param("databaseUrlParameter");
  const apiKeys = await param("apiKeysParameter");
  const smtpUrl = await param("smtpUrlParameter");
  const reports = String(await param("reports"));
  const subnets = String(await param("vpcSubnetIds"))
    .split(",")
    .filter(Boolean);
  const securityGroups = String(await param("vpcSecurityGroupIds"))
    .split(",")
    .filter(Boolean);

  const functionArn = (key) => arn("lambda", `function:${prefix}-${key}`);
  const invoke = (...keys) => allow("lambda:InvokeFunction", keys.map(functionArn));
  // SecureStrings under the account's own aws/ssm key need no kms statement.
  const secrets = (...names) =>
    allow(
      "ssm:GetParameter",
      names.map((name) => arn("ssm", `parameter/${name.replace(/^\//, "")}`)),
    );

  const armed = (await param("wake")) === "armed";
  const backstop = String(await param("backstop"));
  // Whoever leaves something to do for later must be able to arm a wake for it: in this group, as this role, and nothing else.
  const arming = armed
    ? [
        allow("scheduler:CreateSchedule", [arn("scheduler", `schedule/${prefix}/wake-*`)]),
        {
          ...allow("iam:PassRole", [{ "Fn::GetAtt": ["WakeRole", "Arn"] }]),
          Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
        },
      ]
    : [];

  // Whoever enqueues jobs may hand them to their handlers.
  const handedTo = String(await param("eager")) === "true" ? handlers : [];

  const statements = {
    enqueue: [secrets(databaseUrl, apiKeys), invoke("dispatcher", ...handedTo)],
    api: [secrets(databaseUrl, apiKeys), invoke("dispatcher")],
    dispatcher: [secrets(databaseUrl), invoke("dispatcher", ...handlers)],
    scheduler: [secrets(databaseUrl), invoke("dispatcher")],
    "failed-invocation": [secrets(databaseUrl), invoke("dispatcher")],
    ...Object.fromEntries(
      handlers.map((key) => [key, [secrets(databaseUrl), invoke("dispatcher", "failed-invocation", ...handedTo)]]),
    ),
  };
  statements["handler-send_email"]?.push(secrets(smtpUrl));
  if (reports.startsWith("s3://")) {
    const place = reports.slice("s3://".length).replace(/\/+$/, "");
    statements["handler-generate_report"]?.push(
      allow("s3:PutObject", join("arn", PARTITION, "s3", "", "", `${place}/*`)),
    );
  }

  const role = (key) => ({
    Type: "AWS::IAM::Role",
    Properties: {
      AssumeRolePolicyDocument: {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
      },
      ...(subnets.length === 0
        ? {}
        : {
            ManagedPolicyArns: [
              join("arn", PARTITION, "iam", "", "aws", "policy/service-role/AWSLambdaVPCAccessExecutionRole"),
            ],
          }),
      Policies: [
        {
          PolicyName: key,
          PolicyDocument: {
            Version: "2012-10-17",
            Statement: [
              allow(
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                arn("logs", `log-group:/aws/lambda/${prefix}-${key}:*`),
              ),
              ...statements[key],
              ...arming,
            ],
          },
        },
      ],
    },
  });

  const source = { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } };
  const wakes = {
    WakeGroup: { Type: "AWS::Scheduler::ScheduleGroup", Properties: { Name: prefix } },
    // What EventBridge Scheduler is while it invokes the scheduler function.
    WakeRole: {
      Type: "AWS::IAM::Role",
      Properties: {
        AssumeRolePolicyDocument: {
          Version: "2012-10-17",
          Statement: [
            {
              Effect: "Allow",
              Principal: { Service: "scheduler.amazonaws.com" },
              Action: "sts:AssumeRole",
              Condition: source,
            },
          ],
        },
        Policies: [
          {
            PolicyName: "wake",
            PolicyDocument: { Version: "2012-10-17", Statement: [invoke("scheduler")] },
          },
        ],
      },
    },
  };
  const scheduler = { "Fn::GetAtt": [logicalId("scheduler"), "Arn"] };
  /** A tick beside the armed ones. */
  const ticks = (name, when, event = {}) => ({
    [`${name}Rule`]: {
      Type: "AWS::Events::Rule",
      Properties: { ...when, Targets: [{ Id: "scheduler", Arn: scheduler, ...event }] },
    },
    [`${name}Permission`]: {
      Type: "AWS::Lambda::Permission",
      Properties: {
        Action: "lambda:InvokeFunction",
        FunctionName: scheduler,
        Principal: "events.amazonaws.com",
        SourceArn: { "Fn::GetAtt": [`${name}Rule`, "Arn"] },
      },
    },
  });
  // What a deploy's migration left in the database, new schedules say, has armed nothing.
  const deployed = {
    EventPattern: {
      source: ["aws.cloudformation"],
      "detail-type": ["CloudFormation Stack Status Change"],
      detail: {
        "stack-id": [{ Ref: "AWS::StackId" }],
        "status-details": { status: ["CREATE_COMPLETE", "UPDATE_COMPLETE"] },
      },
    },
  };

  const reserved = async (key) => {
    const name =
      key === "dispatcher" ? "dispatcherConcurrency" : key.startsWith("handler-") ? "handlerConcurrency" : null;
    const value = name === null ? "" : String(await param(name));
    return value === "" ? {} : { ReservedConcurrentExecutions: Number(value) };
  };
  const extension = async (key) => ({
    Properties: {
      // Dispatcher, handler, job.enqueue, dispatcher is a chain that is meant; ForgeQ caps its depth itself.
      ...(key === "dispatcher" || key.startsWith("handler-") ? { RecursiveLoop: "Allow" } : {}),
      ...(subnets.length === 0 ? {} : { VpcConfig: { SubnetIds: subnets, SecurityGroupIds: securityGroups } }),
      ...(await reserved(key)),
    },
  });

  const keys = Object.keys(statements);
  const extensions = await Promise.all(keys.map(async (key) => [logicalId(key), await extension(key)]));
  return {
    Resources: {
      ...Object.fromEntries(keys.map((key) => [`${pascalCase(key)}Role`, role(key)])),
      ...(armed ? { ...wakes, ...ticks("Deployed", deployed, { Input: "{}" }) } : {}),
      ...(armed && backstop !== "" ? ticks("Backstop", { ScheduleExpression: backstop }) : {}),
      ...(await watched(prefix, handlers, param, resolveVariable)),
    },
    extensions: Object.fromEntries(extensions.filter(([, { Properties }]) => Object.keys(Properties).length > 0)),
  };
};

// The framework loads this file by require, and takes what it gives for the function itself.
export { resources as "module.exports" };
