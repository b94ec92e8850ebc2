/** The composition root: the only reader of the environment. Everything is made at first use and kept for the process. */
import type { Armer, Config, Deps, Logger, Metrics, Tracing } from "./queue/deps.ts";
import { createInvoker } from "./aws/invoke.ts";
import { lambdaLogger } from "./aws/logger.ts";
import { emfMetrics } from "./aws/metrics.ts";
import { createArmer } from "./aws/scheduler.ts";
import { type Arming, onceAMinute } from "./queue/wake/arm.ts";
import { getParameter } from "./aws/ssm.ts";
import type { Db } from "./db/drivers/client.ts";
import { connectDb, type ConnectOptions, type DriverChoice } from "./db/drivers/connect.ts";
import { jsonLogger } from "./logger.ts";
import { otelTracing } from "./tracing.ts";
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
  /** The JSON text of the API keys; undefined when none are configured. */
  apiKeys(): Promise<string | undefined>;
}

const given = new Map<string, string>();

/** Settings of a command line, by the name of their variable; they win over the environment. */
export const configure = (values: Readonly<Record<string, string>>): void => {
  for (const [name, value] of Object.entries(values)) given.set(name, value);
};

/**
 * The value of an environment variable, or what `configure` gave under its name; undefined when it is empty. For the
 * `settings.ts` of a handler's folder and for this file: nobody else reads the environment.
 */
export const setting = (name: string): string | undefined => {
  const value = given.get(name) ?? process.env[name];
  return value === undefined || value === "" ? undefined : value;
};

/** Has this variable a value? */
export const isConfigured = (name: string): boolean => setting(name) !== undefined;

/** Development conveniences, as a mailbox and a key of its own, are for everything but NODE_ENV=production. */
export const isProduction = (): boolean => setting("NODE_ENV") === "production";

/** The credentials of this moment: Lambda's rotate. */
export const awsCredentials = () => ({
  accessKeyId: setting("AWS_ACCESS_KEY_ID") ?? "",
  secretAccessKey: setting("AWS_SECRET_ACCESS_KEY") ?? "",
  ...(setting("AWS_SESSION_TOKEN") === undefined ? {} : { sessionToken: setting("AWS_SESSION_TOKEN") as string }),
});

export const awsRegion = (): string => setting("AWS_REGION") ?? setting("AWS_DEFAULT_REGION") ?? "us-east-1";

/**
 * A secret: from the SSM parameter that the variable `parameterName` names, where it has a value; from the variable
 * `valueName` otherwise. Undefined when neither is set.
 *
 * @throws ForgeqError `internal` when SSM refuses the parameter or has no value for it
 */
export const secret = async (valueName: string, parameterName: string): Promise<string | undefined> => {
  const parameter = setting(parameterName);
  return parameter === undefined
    ? setting(valueName)
    : getParameter(parameter, { region: awsRegion(), credentials: awsCredentials });
};

/** The configuration of this process, from its environment. */
export const readConfig = (): Config => {
  const service = setting("FORGEQ_SERVICE") ?? "forgeq";
  const stage = setting("FORGEQ_STAGE") ?? "dev";
  const canInvoke = setting("FORGEQ_LAMBDA_ENDPOINT") !== undefined || setting("AWS_ACCESS_KEY_ID") !== undefined;
  return {
    service,
    stage,
    wakeMode: setting("FORGEQ_WAKE") === "armed" ? "armed" : "always",
    dispatcherFunction: canInvoke ? `${service}-${stage}-dispatcher` : null,
    handlerFunction: (type) => `${service}-${stage}-handler-${type}`,
    eager: setting("FORGEQ_EAGER") === "true",
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

/**
 * Connections of this process at most, all of its purposes together but cancel requests, which take one more for a moment: FORGEQ_POOL,
 * or what its kind usually has.
 */
export const poolSize = (usual: number): number => {
  const given = setting("FORGEQ_POOL");
  if (given === undefined) return usual;
  if (!/^[1-9]\d{0,2}$/.test(given))
    throw new ForgeqError("internal", "FORGEQ_POOL is a number of connections, 1 to 999");
  return Number(given);
};

/** How to reach the database: from DATABASE_URL, or the SSM parameter that FORGEQ_DATABASE_URL_PARAMETER names; or from the part's own variable. */
export const connection = async (part?: Part): Promise<ConnectOptions> => {
  const url = setting(`FORGEQ_DATABASE_URL_${part}`) ?? (await secret("DATABASE_URL", "FORGEQ_DATABASE_URL_PARAMETER"));
  if (url === undefined) throw new ForgeqError("database_unavailable", "DATABASE_URL is not set");
  const fetchEndpoint = setting("FORGEQ_NEON_FETCH_ENDPOINT");
  const wsProxy = setting("FORGEQ_NEON_WS_PROXY");
  return {
    url,
    driver: (setting("FORGEQ_DRIVER") ?? "auto") as DriverChoice,
    max: poolSize(USUAL_CONNECTIONS),
    ...(fetchEndpoint === undefined ? {} : { fetchEndpoint }),
    ...(wsProxy === undefined ? {} : { wsProxy }),
  };
};

/** What the names of the database's group roles begin with, where FORGEQ_ROLE_PREFIX says so: for two ForgeQs in one cluster. */
export const rolePrefix = (): { readonly rolePrefix?: string } => {
  const prefix = setting("FORGEQ_ROLE_PREFIX");
  return prefix === undefined ? {} : { rolePrefix: prefix };
};

const USUAL_CONNECTIONS = 4;

const readArmer = (): { readonly armer?: Armer } => {
  const [group, targetArn, roleArn] = ["FORGEQ_WAKE_GROUP", "FORGEQ_WAKE_TARGET_ARN", "FORGEQ_WAKE_ROLE_ARN"].map(
    setting,
  );
  if (setting("FORGEQ_WAKE") !== "armed" || group === undefined || targetArn === undefined || roleArn === undefined)
    return {};
  const endpoint = setting("FORGEQ_SCHEDULER_ENDPOINT");
  const armer = createArmer({
    region: awsRegion(),
    credentials: awsCredentials,
    group,
    targetArn,
    roleArn,
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  return { armer: onceAMinute(armer) };
};

const NO_METRICS: Metrics = { count: () => undefined, observe: () => undefined, flush: () => undefined };

/** Functions log and measure as CloudWatch reads it; other processes log plain JSON and leave the metrics to Postgres. */
const observers = (): { readonly logger: Logger; readonly metrics: Metrics } => {
  const level = setting("FORGEQ_LOG_LEVEL") ?? "info";
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
  const endpoint = setting("FORGEQ_LAMBDA_ENDPOINT");
  const config = readConfig();
  return {
    db: ownDb ?? (await connectDb(await connection(part))),
    clock: () => null,
    random: Math.random,
    sleep,
    ...arming,
    tracing,
    invoker: createInvoker({
      region: awsRegion(),
      credentials: awsCredentials,
      ...(endpoint === undefined ? {} : { endpoint }),
    }),
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
    apiKeys: async () => {
      const keys = await secret("FORGEQ_API_KEYS", "FORGEQ_API_KEYS_PARAMETER");
      const plain = setting("FORGEQ_API_KEY");
      if (keys !== undefined || plain === undefined) return keys;
      const { createHash } = await import("node:crypto");
      const sha256 = createHash("sha256").update(plain).digest("hex");
      return JSON.stringify([
        { id: "local", sha256, scopes: ["jobs:write", "jobs:read", "jobs:manage", "metrics:read"] },
      ]);
    },
  };
  return current;
};
