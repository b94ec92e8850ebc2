/** What a deployment can be told: its parameters by name, whoever prints the plan. */
import { parseBasePath } from "../core/web-settings.ts";
import { PlanError } from "./plan-error.ts";

const text = (value: unknown): string | null =>
  typeof value === "string" || typeof value === "number" ? String(value) : null;

const flag = (value: unknown): boolean | null =>
  value === true || value === "true" ? true : value === false || value === "false" ? false : null;

const count = (value: unknown): number | null => {
  const given = text(value);
  return given !== null && /^\d{1,9}$/.test(given) ? Number(given) : null;
};

/** Null where nothing is reserved. */
const reserved = (value: unknown): { readonly of: number | null } | null => {
  if (value === "") return { of: null };
  const given = count(value);
  return given === null ? null : { of: given };
};

const list = (value: unknown): readonly string[] | null => {
  if (Array.isArray(value)) return value.every((each): each is string => typeof each === "string") ? value : null;
  return text(value)?.split(",").filter(Boolean) ?? null;
};

const wake = (value: unknown): "always" | "armed" | null => (value === "always" || value === "armed" ? value : null);

const path = (value: unknown): string | null => {
  try {
    return parseBasePath(text(value) ?? "?");
  } catch {
    return null;
  }
};

const READERS = { text, flag, count, reserved, list, wake, path } as const;

type Kind = keyof typeof READERS;

const KINDS: Readonly<Record<Kind, string>> = {
  text: "text",
  flag: "true or false",
  count: "a whole number",
  reserved: "a whole number, or empty",
  list: "names with commas between",
  wake: "always or armed",
  path: "a path such as /queue, or empty",
};

interface Parameter<Of extends Kind = Kind> {
  readonly kind: Of;
  /** `STAGE` stands for the stage. */
  readonly usual: string;
  readonly says: string;
}

const parameter = <Of extends Kind>(kind: Of, usual: string, says: string): Parameter<Of> => ({ kind, usual, says });

export const PARAMETERS = {
  wake: parameter("wake", "always", "always, or armed: nothing runs while nothing is due"),
  backstop: parameter("text", "", "armed: a recurring tick as well, as rate(6 hours)"),
  eager: parameter("flag", "false", "a producer invokes the handler of a job when there is capacity"),
  http: parameter("flag", "true", "false leaves the gateway's routes out; a service invokes the functions itself"),
  basePath: parameter("path", "", "what comes before each path of the API, as /queue"),
  corsOrigins: parameter("text", "", "whose pages may read its answers, as https://app.example.com"),
  logUrl: parameter("text", "", "where the dashboard finds a job's logs, as https://logs.example.com/?q={job_id}"),
  rateLimit: parameter("text", "", "of each key and process, as 100/1s"),
  throttleRate: parameter("count", "500", "requests a second that the gateway lets through, on the average"),
  throttleBurst: parameter("count", "1000", "and together"),
  accessLog: parameter("flag", "true", "one line for each request, without keys and bodies"),
  dashboard: parameter("flag", "true", "false leaves the files of /dashboard and /docs out"),
  databaseUrlParameter: parameter(
    "text",
    "/forgeq/STAGE/database-url",
    "the SSM parameter that has the database's URL",
  ),
  databaseSecretArn: parameter("text", "", "of Secrets Manager: RDS' JSON, or a URL; its login replaces the URL's"),
  databaseIamUser: parameter(
    "text",
    "",
    "RESOURCE-ID/ROLE, as cluster-ABC/forgeq: tokens of IAM instead of a password",
  ),
  databaseCa: parameter("text", "", "PEM, or a file in the package; Amazon's own hosts need none"),
  kmsKeyArn: parameter("text", "", "a key of your own that the parameters or the secret are encrypted with"),
  enqueueDatabaseUrlParameter: parameter("text", "", "the URL of the enqueue function alone"),
  apiDatabaseUrlParameter: parameter("text", "", "the URL of the api function alone"),
  workerDatabaseUrlParameter: parameter("text", "", "the URL of dispatcher, scheduler, failed-invocation and handlers"),
  handlerDatabaseUrlParameter: parameter("text", "", "the URL of the handlers alone"),
  apiKeysParameter: parameter("text", "/forgeq/STAGE/api-keys", "the SSM parameter that has the API keys as JSON"),
  secretParameter: parameter("text", "", "the SSM parameter that has what keys of the database are made with"),
  logRetentionDays: parameter("count", "30", "of the functions' log groups"),
  metrics: parameter("flag", "true", "functions write CloudWatch metrics, about 17 for each queue"),
  metricsByType: parameter("flag", "false", "also with the dimension type"),
  alarms: parameter("flag", "true", "alarms, and a dashboard of CloudWatch"),
  alarmTopicArn: parameter("text", "", "the SNS topic that the alarms notify"),
  lateSeconds: parameter("count", "300", "when a queue is late"),
  vpcSubnetIds: parameter("list", "", "subnets of the functions; with vpcSecurityGroupIds"),
  vpcSecurityGroupIds: parameter("list", "", "security groups of the functions; with vpcSubnetIds"),
  dispatcherConcurrency: parameter(
    "reserved",
    "",
    "reserved for the dispatcher; a new account may have none to reserve",
  ),
  handlerConcurrency: parameter("reserved", "", "reserved for each handler"),
  schedulerConcurrency: parameter(
    "reserved",
    "",
    "reserved for the scheduler, so that handlers leave it some; 2 will do",
  ),
  failedInvocationConcurrency: parameter("reserved", "", "reserved likewise"),
} as const;

export type ParameterName = keyof typeof PARAMETERS;

/** The parameters as they are written: in serverless.yml, by `--param`, in forgeq.config.ts, or as properties of the construct. */
export type GivenParameters = { readonly [Name in ParameterName]?: string | number | boolean | readonly string[] };

/** The parameters as the plan reads them. */
export type Parameters = {
  readonly [Name in ParameterName]: (typeof PARAMETERS)[Name]["kind"] extends "reserved"
    ? number | null
    : NonNullable<ReturnType<(typeof READERS)[(typeof PARAMETERS)[Name]["kind"]]>>;
};

export const isParameter = (name: string): name is ParameterName => name in PARAMETERS;

const readOne = (name: ParameterName, given: unknown, stage: string): unknown => {
  const { kind, usual } = PARAMETERS[name];
  const value = READERS[kind](given ?? usual.replace("STAGE", stage));
  if (value === null) throw new PlanError(`the parameter ${name} is ${KINDS[kind]}, not ${JSON.stringify(given)}`);
  return kind === "reserved" ? (value as { of: number | null }).of : value;
};

/**
 * The parameters, with the default of each that is not given.
 *
 * @throws {PlanError} that names a parameter that there is not, or whose value is none of its kind
 */
export const readParameters = (given: Readonly<Record<string, unknown>>, stage: string): Parameters => {
  const unknown = Object.keys(given).filter((name) => !isParameter(name));
  if (unknown.length > 0)
    throw new PlanError(
      `there is no parameter ${unknown.join(", ")}; the parameters are ${Object.keys(PARAMETERS).join(", ")}`,
    );
  const read = Object.fromEntries(
    (Object.keys(PARAMETERS) as ParameterName[]).map((name) => [name, readOne(name, given[name], stage)]),
  ) as unknown as Parameters;
  if ((read.vpcSubnetIds.length === 0) !== (read.vpcSecurityGroupIds.length === 0))
    throw new PlanError("the parameters vpcSubnetIds and vpcSecurityGroupIds are given together, or neither is");
  return read;
};
