// A role for each function, with no more rights than it needs.
import { allow, arn, invoke, join, PARTITION } from "./names.js";

/** SecureStrings under the account's own aws/ssm key need no kms statement. */
const secrets = (...names) =>
  allow(
    "ssm:GetParameters",
    names.filter(Boolean).map((name) => arn("ssm", `parameter/${name.replace(/^\//, "")}`)),
  );

/** What every function needs to log in at the database, beside the parameter of its URL. */
const login = ({ databaseSecretArn, databaseIamUser, kmsKeyArn }) => [
  ...(databaseSecretArn === "" ? [] : [allow("secretsmanager:GetSecretValue", [databaseSecretArn])]),
  ...(databaseIamUser === "" ? [] : [allow("rds-db:connect", [arn("rds-db", `dbuser:${databaseIamUser}`)])]),
  ...(kmsKeyArn === "" ? [] : [allow("kms:Decrypt", [kmsKeyArn])]),
];

/**
 * The rights of a function that leaves something to do for later: it arms a wake in the service's group, as the role of
 * wakes, and can do nothing else there.
 */
const arming = (prefix) => [
  allow("scheduler:CreateSchedule", [arn("scheduler", `schedule/${prefix}/wake-*`)]),
  {
    ...allow("iam:PassRole", [{ "Fn::GetAtt": ["WakeRole", "Arn"] }]),
    Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
  },
];

const putReports = (reports) =>
  reports.startsWith("s3://")
    ? [allow("s3:PutObject", join("arn", PARTITION, "s3", "", "", `${reports.slice(5).replace(/\/+$/, "")}/*`))]
    : [];

/** The statements of the handlers' roles, by function key. */
const handlerStatements = ({ prefix, handlers, databaseUrls, smtpUrl, reports, eager }) => {
  const own = {
    "handler-send_email": [secrets(smtpUrl)],
    "handler-generate_report": putReports(reports),
  };
  const invoked = ["dispatcher", "failed-invocation", ...(eager ? handlers : [])];
  return Object.fromEntries(
    handlers.map((key) => [key, [secrets(databaseUrls.handler), invoke(prefix, invoked), ...(own[key] ?? [])]]),
  );
};

/** The statements of every function's role, by function key. With eager invokes a producer invokes handlers itself. */
const statementsOf = (settings) => {
  const { prefix, handlers, databaseUrls, apiKeys, eager } = settings;
  return {
    enqueue: [secrets(databaseUrls.enqueue, ...apiKeys), invoke(prefix, ["dispatcher", ...(eager ? handlers : [])])],
    api: [secrets(databaseUrls.api, ...apiKeys), invoke(prefix, ["dispatcher"])],
    dispatcher: [secrets(databaseUrls.worker), invoke(prefix, ["dispatcher", ...handlers])],
    scheduler: [secrets(databaseUrls.worker), invoke(prefix, ["dispatcher"])],
    "failed-invocation": [
      secrets(databaseUrls.worker),
      invoke(prefix, ["dispatcher"]),
      allow("sqs:SendMessage", [{ "Fn::GetAtt": ["FailedRecords", "Arn"] }]),
    ],
    ...handlerStatements(settings),
  };
};

const VPC_POLICY = join("arn", PARTITION, "iam", "", "aws", "policy/service-role/AWSLambdaVPCAccessExecutionRole");

const role = ({ prefix, subnets }, key, statements) => ({
  Type: "AWS::IAM::Role",
  Properties: {
    AssumeRolePolicyDocument: {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
    },
    ...(subnets.length === 0 ? {} : { ManagedPolicyArns: [VPC_POLICY] }),
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
            ...statements,
          ],
        },
      },
    ],
  },
});

/** A parameter that is empty names nothing, and CloudFormation refuses a statement about nothing. */
const namesSomething = ({ Resource }) => !Array.isArray(Resource) || Resource.length > 0;

/** The role of each function, by function key. */
export const rolesOf = (settings) => {
  const armed = settings.armed ? arming(settings.prefix) : [];
  return Object.fromEntries(
    Object.entries(statementsOf(settings)).map(([key, statements]) => [
      key,
      role(settings, key, [...statements.filter(namesSomething), ...login(settings), ...armed]),
    ]),
  );
};
