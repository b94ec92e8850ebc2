/** A role for each function, with no more rights than it needs. */
import { allow, arn, arnOf, type Ids, invoke, join, PARTITION, type Resource, type Statement } from "./names.ts";
import type { Parameters } from "./parameters.ts";

/** The names of the SSM parameters with the databases' URLs, by part; a part without one of its own has the parameter of all. */
export interface DatabaseUrls {
  readonly all: string;
  readonly enqueue: string;
  readonly api: string;
  readonly worker: string;
  readonly handler: string;
}

export const databaseUrlsOf = (parameters: Parameters): DatabaseUrls => {
  const all = parameters.databaseUrlParameter;
  const worker = parameters.workerDatabaseUrlParameter || all;
  return {
    all,
    enqueue: parameters.enqueueDatabaseUrlParameter || all,
    api: parameters.apiDatabaseUrlParameter || all,
    worker,
    handler: parameters.handlerDatabaseUrlParameter || worker,
  };
};

/** The part whose URL a function has. */
export const partOf = (key: string): Exclude<keyof DatabaseUrls, "all"> =>
  key === "enqueue" || key === "api" ? key : key.startsWith("handler-") ? "handler" : "worker";

/** The right to read SSM parameters. SecureStrings under the account's own aws/ssm key need no kms statement. */
export const readSecrets = (...names: readonly string[]): Statement =>
  allow(
    "ssm:GetParameters",
    names.filter(Boolean).map((name) => arn("ssm", `parameter/${name.replace(/^\//, "")}`)),
  );

/** What every function needs to log in at the database, beside the parameter of its URL. */
const login = ({ databaseSecretArn, databaseIamUser, kmsKeyArn }: Parameters): Statement[] => [
  ...(databaseSecretArn === "" ? [] : [allow("secretsmanager:GetSecretValue", [databaseSecretArn])]),
  ...(databaseIamUser === "" ? [] : [allow("rds-db:connect", [arn("rds-db", `dbuser:${databaseIamUser}`)])]),
  ...(kmsKeyArn === "" ? [] : [allow("kms:Decrypt", [kmsKeyArn])]),
];

/**
 * The rights of a function that leaves something to do for later: it arms a wake in the service's group, as the role of
 * wakes, and can do nothing else there.
 */
const arming = ({ ids, prefix }: RoleSettings): Statement[] => [
  allow("scheduler:CreateSchedule", [arn("scheduler", `schedule/${prefix}/wake-*`)]),
  {
    ...allow("iam:PassRole", [arnOf(ids.resource("WakeRole"))]),
    Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
  },
];

export interface RoleSettings {
  readonly ids: Ids;
  readonly prefix: string;
  /** Keys of the handlers' functions. */
  readonly handlers: readonly string[];
  readonly parameters: Parameters;
  /** What a job type's own work may do, by its name. */
  readonly own: Readonly<Record<string, readonly Statement[]>>;
}

/** The statements of one function beyond its log, its login and its wakes. With eager invokes a producer invokes handlers itself. */
const statementsOf = ({ ids, prefix, handlers, parameters, own }: RoleSettings, key: string): readonly Statement[] => {
  const urls = databaseUrlsOf(parameters);
  const url = urls[partOf(key)];
  const keys = [parameters.apiKeysParameter, parameters.secretParameter];
  const eagerly = parameters.eager ? handlers : [];
  if (key === "enqueue") return [readSecrets(url, ...keys), invoke(prefix, ["dispatcher", ...eagerly])];
  if (key === "api") return [readSecrets(url, ...keys), invoke(prefix, ["dispatcher"])];
  if (key === "dispatcher") return [readSecrets(url), invoke(prefix, ["dispatcher", ...handlers])];
  if (key === "scheduler") return [readSecrets(url), invoke(prefix, ["dispatcher"])];
  if (key === "failed-invocation")
    return [
      readSecrets(url),
      invoke(prefix, ["dispatcher"]),
      allow("sqs:SendMessage", [arnOf(ids.resource("FailedRecords"))]),
    ];
  return [
    readSecrets(url),
    invoke(prefix, ["dispatcher", "failed-invocation", ...eagerly]),
    ...(own[key.slice("handler-".length)] ?? []),
  ];
};

/** A parameter that is empty names nothing, and CloudFormation refuses a statement about nothing. */
const namesSomething = ({ Resource }: Statement): boolean => !Array.isArray(Resource) || Resource.length > 0;

const VPC_POLICY = join("arn", PARTITION, "iam", "", "aws", "policy/service-role/AWSLambdaVPCAccessExecutionRole");

/** The role of a function. */
export const roleOf = (settings: RoleSettings, key: string): Resource => {
  const { prefix, parameters } = settings;
  return {
    Type: "AWS::IAM::Role",
    Properties: {
      AssumeRolePolicyDocument: {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
      },
      ...(parameters.vpcSubnetIds.length === 0 ? {} : { ManagedPolicyArns: [VPC_POLICY] }),
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
              ...statementsOf(settings, key).filter(namesSomething),
              ...login(parameters),
              ...(parameters.wake === "armed" ? arming(settings) : []),
            ],
          },
        },
      ],
    },
  };
};
