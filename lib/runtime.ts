/** The composition root: the only reader of the environment. Everything is made at first use and kept for the process. */
import type { Armer, Config, Deps, Logger, Metrics, Tracing } from "./queue/deps.ts";
import { createInvoker } from "./aws/invoke.ts";
import { laterArmer } from "./aws/later-armer.ts";
import { lambdaLogger } from "./aws/logger.ts";
import { emfMetrics } from "./aws/metrics.ts";
import { type Arming, onceAMinute } from "./queue/wake/arm.ts";
import { type AwsAccess, type AwsRequest } from "./aws/request.ts";
import { forgetParameters, getParameter } from "./aws/ssm.ts";
import type { Db } from "./db/drivers/client.ts";
import { connectDb, type ConnectOptions, type DriverChoice, type PreparedChoice } from "./db/drivers/connect.ts";
import type { GivenUrl } from "./db/drivers/url-source.ts";
import { jsonLogger } from "./logger.ts";
import { otelTracing } from "./tracing.ts";
import type { ConfiguredKeys } from "./core/configured-keys.ts";
import type { ConfiguredWeb } from "./core/web-settings.ts";
import { ForgeqError } from "./core/errors.ts";
import { realTime } from "./queue/time.ts";

/** A function that may have a URL of its own although another one runs in its process, as in a local run: FORGEQ_DATABASE_URL_ENQUEUE, FORGEQ_DATABASE_URL_API. */
export type Part = "ENQUEUE" | "API";

export interface Runtime {
  /** @param part - of the caller, the same in every call */
  deps(part?: Part): Promise<Deps>;
  /** What arming a wake needs, without a database; it arms nothing in the wake mode `always`. */
  arming(): Arming;
  readonly tracing: Tracing;
  /** How the HTTP API is reached. */
  web(): ConfiguredWeb;
  /** What API keys are configured by now: whoever asks again gets what SSM has then. */
  apiKeys(): Promise<ConfiguredKeys>;
}

const given = new Map<string, string>();

/** Settings of a command line, by the name of their variable; they win over the environment. */
export const configure = (values: Readonly<Record<string, string>>): void => {
  for (const [name, value] of Object.entries(values)) given.set(name, value);
};

/** The value of an environment variable, or what `configure` gave under its name; undefined when it is empty. */
export const setting = (name: string): string | undefined => {
  const value = given.get(name) ?? process.env[name];
  return value === undefined || value === "" ? undefined : value;
};

/** Has this variable a value? */
export const isConfigured = (name: string): boolean => setting(name) !== undefined;

/** Development conveniences, as a mailbox and a key of its own, are for everything but NODE_ENV=production. */
export const isProduction = (): boolean => setting("NODE_ENV") === "production";

const awsCredentials = () => ({
  accessKeyId: setting("AWS_ACCESS_KEY_ID") ?? "",
  secretAccessKey: setting("AWS_SECRET_ACCESS_KEY") ?? "",
  ...(setting("AWS_SESSION_TOKEN") === undefined ? {} : { sessionToken: setting("AWS_SESSION_TOKEN") as string }),
});

/** The variable in which the AWS SDKs, too, look for the endpoint of a service. */
const ENDPOINTS = {
  lambda: "AWS_ENDPOINT_URL_LAMBDA",
  s3: "AWS_ENDPOINT_URL_S3",
  scheduler: "AWS_ENDPOINT_URL_SCHEDULER",
  secretsmanager: "AWS_ENDPOINT_URL_SECRETS_MANAGER",
  ssm: "AWS_ENDPOINT_URL_SSM",
} satisfies Record<AwsRequest["service"], string>;

/** How to reach a service of AWS: ForgeQ's own setting of a local run, AWS_ENDPOINT_URL_*, AWS_ENDPOINT_URL, or its public endpoint. */
export const awsAccess = (service: AwsRequest["service"]): AwsAccess => {
  const local =
    service === "lambda" || service === "scheduler" ? `FORGEQ_${service.toUpperCase()}_ENDPOINT` : undefined;
  return {
    region: setting("AWS_REGION") ?? setting("AWS_DEFAULT_REGION") ?? "us-east-1",
    credentials: awsCredentials,
    endpoint: (local && setting(local)) ?? setting(ENDPOINTS[service]) ?? setting("AWS_ENDPOINT_URL"),
  };
};

const expected = new Set<string>();

/** This process will need the parameter that this variable names: it is read by one request with the first that is asked for. */
export const expectSecret = (parameterName: string): void => void expected.add(parameterName);

/**
 * A secret: from the SSM parameter that the variable `parameterName` names, where it has a value; from the variable
 * `valueName` otherwise. Undefined when neither is set.
 *
 * @throws ForgeqError `secrets_unavailable` when SSM refuses the parameter, has no value for it, or does not answer
 */
export const secret = async (valueName: string, parameterName: string): Promise<string | undefined> => {
  const parameter = setting(parameterName);
  if (parameter === undefined) return setting(valueName);
  const others = [...expected].map(setting).filter((name) => name !== undefined);
  return getParameter(parameter, awsAccess("ssm"), others);
};

const DATABASE_URL_PARAMETER = "FORGEQ_DATABASE_URL_PARAMETER";
const JUST_READ_MS = 10_000; // by the init phase
const KEY_PARAMETERS = ["FORGEQ_API_KEYS_PARAMETER", "FORGEQ_SECRET_PARAMETER"] as const;

/** SERVICE-STAGE of this process, where its environment says so: on Lambda always. */
export const declaredOwner = (): string | null =>
  isConfigured("FORGEQ_STAGE") ? `${setting("FORGEQ_SERVICE") ?? "forgeq"}-${setting("FORGEQ_STAGE")}` : null;

/** The configuration of this process, from its environment. */
export const readConfig = (): Config => {
  const service = setting("FORGEQ_SERVICE") ?? "forgeq";
  const stage = setting("FORGEQ_STAGE") ?? "dev";
  const aliases = JSON.parse(setting("FORGEQ_TYPE_ALIASES") ?? "{}") as Readonly<Record<string, string>>;
  const canInvoke = setting("FORGEQ_LAMBDA_ENDPOINT") !== undefined || setting("AWS_ACCESS_KEY_ID") !== undefined;
  return {
    service,
    stage,
    owner: declaredOwner() ?? "",
    wakeMode: setting("FORGEQ_WAKE") === "armed" ? "armed" : "always",
    // A service that is not named deploys no functions: another one's are not guessed.
    dispatcherFunction: canInvoke && isConfigured("FORGEQ_SERVICE") ? `${service}-${stage}-dispatcher` : null,
    handlerFunction: (type) => `${service}-${stage}-handler-${aliases[type] ?? type}`,
    eager: setting("FORGEQ_EAGER") === "true",
    logUrl: setting("FORGEQ_LOG_URL") ?? null,
  };
};

const sleep = (seconds: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, seconds * 1000);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });

const connectionsSetting = (name: string, usual: number, digits: number): number => {
  const given = setting(name) ?? String(usual);
  if (/^[1-9]\d*$/.test(given) && given.length <= digits) return Number(given);
  throw new ForgeqError("internal", `${name} is a number of connections, 1 to ${"9".repeat(digits)}`);
};

/**
 * Connections of this process at most, all of its purposes together but cancel requests, which take one more for a moment: FORGEQ_POOL,
 * or what its kind usually has.
 */
export const poolSize = (usual: number): number => connectionsSetting("FORGEQ_POOL", usual, 3);

/** Connections of clients to `forgeq server` at most: FORGEQ_MAX_CONNECTIONS_HTTP, 500 unless given. */
export const maxHttpConnections = (): number => connectionsSetting("FORGEQ_MAX_CONNECTIONS_HTTP", 500, 6);

/** Loaded where a setting, or the place, asks for it. */
const login = () => import("./aws/database-login.ts");

/** A URL; or what Secrets Manager has, or IAM signs, for one. */
const databaseUrl = async (part: Part | undefined): Promise<GivenUrl> => {
  const [id, iam] = [setting("FORGEQ_DATABASE_SECRET"), setting("FORGEQ_DATABASE_IAM")];
  const given = setting(`FORGEQ_DATABASE_URL_${part}`) ?? (await secret("DATABASE_URL", DATABASE_URL_PARAMETER));
  const url =
    id === undefined ? given : await (await login()).readDatabaseSecret(awsAccess("secretsmanager"), id, given);
  if (url === undefined) throw new ForgeqError("database_unavailable", "DATABASE_URL is not set");
  return iam === undefined ? { url } : (await login()).withIamToken(awsAccess("ssm"), url);
};

/**
 * How to reach the database: from DATABASE_URL, or the SSM parameter that FORGEQ_DATABASE_URL_PARAMETER names, or from the part's own variable; with the login of
 * FORGEQ_DATABASE_SECRET, a secret of Secrets Manager, or by IAM. What is not in a variable is read again when the login is refused.
 */
export const connection = async (part?: Part): Promise<ConnectOptions> => {
  const given = await databaseUrl(part);
  const { url } = given;
  const parameter = setting(DATABASE_URL_PARAMETER);
  const readAgain = (): Promise<GivenUrl> => {
    if (parameter !== undefined) forgetParameters([parameter]);
    return databaseUrl(part);
  };
  const changes = parameter ?? setting("FORGEQ_DATABASE_SECRET") ?? setting("FORGEQ_DATABASE_IAM");
  const [caSetting, runtimeFolder] = [setting("FORGEQ_DATABASE_CA"), setting("LAMBDA_RUNTIME_DIR")];
  const ca = (caSetting ?? runtimeFolder) && (await (await login()).readDatabaseCa(url, caSetting, runtimeFolder));
  const { createUrlSource } = await import("./db/drivers/url-source.ts");
  const fetchEndpoint = setting("FORGEQ_NEON_FETCH_ENDPOINT");
  const wsProxy = setting("FORGEQ_NEON_WS_PROXY");
  return {
    url,
    ...(ca === undefined ? {} : { ca }),
    ...(changes === undefined ? {} : { source: createUrlSource(given, readAgain, () => runtime().arming().logger) }),
    driver: (setting("FORGEQ_DRIVER") ?? "auto") as DriverChoice,
    prepared: setting("FORGEQ_PREPARED") as PreparedChoice | undefined,
    max: poolSize(usualConnections()),
    ...(isFrozen() ? { atRest: 1, idleSessionSeconds: IDLE_SESSION_SECONDS } : {}),
    ...(fetchEndpoint === undefined ? {} : { fetchEndpoint }),
    ...(wsProxy === undefined ? {} : { wsProxy }),
  };
};

/** More than a minute, because the tick comes once a minute. */
const IDLE_SESSION_SECONDS = 90;

/** Is this the environment of a function, which freezes between invocations, so that no timer of its own closes a connection? */
const isFrozen = (): boolean => setting("AWS_LAMBDA_FUNCTION_NAME") !== undefined;

/**
 * Connections of a process whose kind says nothing else. A dispatcher claims in several queues concurrently; a handler's heartbeat goes beside
 * a transaction that the job holds open; the other functions send one statement after the other.
 */
const usualConnections = (): number => {
  const name = setting("AWS_LAMBDA_FUNCTION_NAME");
  if (name === undefined) return 4;
  const { service, stage } = readConfig();
  if (name === `${service}-${stage}-dispatcher`) return 3;
  return name.startsWith(`${service}-${stage}-handler-`) ? 2 : 1;
};

/** What the names of the database's group roles begin with, where FORGEQ_ROLE_PREFIX says so: for two ForgeQs in one cluster. */
export const rolePrefix = (): { readonly rolePrefix?: string } => {
  const prefix = setting("FORGEQ_ROLE_PREFIX");
  return prefix === undefined ? {} : { rolePrefix: prefix };
};

const readArmer = (): { readonly armer?: Armer } => {
  const [group, targetArn, roleArn] = ["FORGEQ_WAKE_GROUP", "FORGEQ_WAKE_TARGET_ARN", "FORGEQ_WAKE_ROLE_ARN"].map(
    setting,
  );
  if (setting("FORGEQ_WAKE") !== "armed" || group === undefined || targetArn === undefined || roleArn === undefined)
    return {};
  return { armer: onceAMinute(laterArmer({ ...awsAccess("scheduler"), group, targetArn, roleArn })) };
};

/** FORGEQ_LOG_LEVEL as it was given; `info` unless it was. */
export const logLevel = (): string => setting("FORGEQ_LOG_LEVEL") ?? "info";

const NO_METRICS: Metrics = { count: () => undefined, observe: () => undefined, flush: () => undefined };

/** Functions log and measure as CloudWatch reads it; other processes log plain JSON and leave the metrics to Postgres. */
const observers = (): { readonly logger: Logger; readonly metrics: Metrics } => {
  const level = logLevel();
  if (setting("AWS_LAMBDA_FUNCTION_NAME") === undefined) return { logger: jsonLogger(level), metrics: NO_METRICS };
  const { service, stage } = readConfig();
  const name = `${service}-${stage}`;
  const byType = setting("FORGEQ_METRICS_BY_TYPE") === "true";
  return { logger: lambdaLogger(name, level), metrics: emfMetrics({ service: name, byType, ...realTime }) };
};

let ownDb: Db | undefined;

/** From now on the runtime's parts are made around this database, so that the process has one pool. */
export const useDb = (db: Db): void => {
  ownDb = db;
};

const makeDeps = async (arming: Arming, tracing: Tracing, part: Part | undefined): Promise<Deps> => {
  const config = readConfig();
  return {
    db: ownDb ?? (await connectDb(await connection(part))),
    clock: () => null,
    random: Math.random,
    sleep,
    ...arming,
    tracing,
    invoker: createInvoker(awsAccess("lambda")),
    config,
  };
};

let current: Runtime | undefined;

/** This process's runtime. A part that failed is made anew at the next use. */
export const runtime = (): Runtime => {
  if (current !== undefined) return current;
  let deps: Promise<Deps> | undefined;
  let arming: Arming | undefined;
  const tracing = otelTracing();
  const getArming = (): Arming => (arming ??= { ...readArmer(), time: realTime, ...observers() });
  current = {
    arming: getArming,
    tracing,
    deps: (part) => {
      deps ??= makeDeps(getArming(), tracing, part).catch((error: unknown) => {
        deps = undefined;
        throw error;
      });
      return deps;
    },
    web: () => ({ basePath: setting("FORGEQ_BASE_PATH"), origins: setting("FORGEQ_CORS_ORIGINS") }),
    apiKeys: async () => {
      // Whoever asks wants them as they are now, or just were; one request reads what a cold start needs.
      const parameters = KEY_PARAMETERS.map(setting).filter((name) => name !== undefined);
      forgetParameters(parameters, JUST_READ_MS);
      for (const name of [DATABASE_URL_PARAMETER, ...KEY_PARAMETERS]) expectSecret(name);
      return {
        list: await secret("FORGEQ_API_KEYS", KEY_PARAMETERS[0]),
        plain: setting("FORGEQ_API_KEY"),
        secret: await secret("FORGEQ_SECRET", KEY_PARAMETERS[1]),
        rate: setting("FORGEQ_RATE_LIMIT"),
      };
    },
  };
  return current;
};
