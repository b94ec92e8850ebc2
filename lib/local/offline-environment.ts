/** What functions see under serverless-offline, alone or as a part of `npm start`: values, and not the names of secrets. */
import { aliasVariables } from "../deploy/environment.ts";

export interface OfflineService {
  readonly service: string;
  readonly stage: string;
  readonly basePath: string;
  readonly corsOrigins: string;
  /** Names of job types by which others go. */
  readonly aliases: Readonly<Record<string, string>>;
  /** The port on which serverless-offline takes invocations. */
  readonly lambdaPort: number;
}

/** Their values are passed on, and a variable that is not set is empty. */
const PASSED = [
  "FORGEQ_SCHEDULER_ENDPOINT",
  "DATABASE_URL",
  "FORGEQ_DRIVER",
  "FORGEQ_NEON_FETCH_ENDPOINT",
  "FORGEQ_NEON_WS_PROXY",
  "FORGEQ_API_KEY",
  "FORGEQ_API_KEYS",
  "FORGEQ_RATE_LIMIT",
  "FORGEQ_SECRET",
  "FORGEQ_LOG_URL",
];

export const isOffline = (): boolean => process.argv.includes("offline");

/** What the functions miss, in a sentence; null where they have a database and a key. */
export const missingOffline = (): string | null => {
  const { env } = process;
  const lacks = (...names: readonly string[]): boolean => names.every((name) => !env[name]);
  if (lacks("DATABASE_URL"))
    return "DATABASE_URL is not set, so its functions can't run: give the URL of a database that forgeq migrate has prepared, and FORGEQ_API_KEY.";
  if (lacks("FORGEQ_API_KEY", "FORGEQ_API_KEYS", "FORGEQ_SECRET"))
    return "no API key is set, so every request to its routes is refused: set FORGEQ_API_KEY to one of 20 characters or more.";
  return null;
};

export const offlineEnvironment = (given: OfflineService): Readonly<Record<string, string>> => {
  const { env } = process;
  const prefix = `${given.service}-${given.stage}`;
  return {
    FORGEQ_SERVICE: given.service,
    FORGEQ_STAGE: given.stage,
    FORGEQ_WAKE: env["FORGEQ_WAKE"] || "always",
    FORGEQ_EAGER: env["FORGEQ_EAGER"] || "false",
    FORGEQ_WAKE_GROUP: prefix,
    FORGEQ_WAKE_TARGET_ARN: `arn:aws:lambda:local:000000000000:function:${prefix}-scheduler`,
    FORGEQ_WAKE_ROLE_ARN: "arn:aws:iam::000000000000:role/local",
    ...Object.fromEntries(PASSED.map((name) => [name, env[name] ?? ""])),
    ...aliasVariables(given.aliases),
    FORGEQ_BASE_PATH: given.basePath,
    FORGEQ_CORS_ORIGINS: given.corsOrigins,
    FORGEQ_LAMBDA_ENDPOINT: env["FORGEQ_LAMBDA_ENDPOINT"] || `http://127.0.0.1:${given.lambdaPort}`,
    AWS_ACCESS_KEY_ID: env["AWS_ACCESS_KEY_ID"] || "local",
    AWS_SECRET_ACCESS_KEY: env["AWS_SECRET_ACCESS_KEY"] || "local",
    FORGEQ_LOG_LEVEL: env["FORGEQ_LOG_LEVEL"] || "info",
    POWERTOOLS_METRICS_DISABLED: env["POWERTOOLS_METRICS_DISABLED"] || "true",
  };
};
