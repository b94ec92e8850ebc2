/** What the functions see on AWS. Secrets are named here and read from SSM. */
import { arn, arnOf, type Ids, type Json } from "./names.ts";
import type { Parameters } from "./parameters.ts";
import { databaseUrlsOf, partOf } from "./roles.ts";

export type Environment = Readonly<Record<string, Json>>;

/** By which function a job type's jobs run that is an alias of another one; nothing where there is no alias. */
export const aliasVariables = (aliases: Readonly<Record<string, string>>): Record<string, string> =>
  Object.keys(aliases).length === 0 ? {} : { FORGEQ_TYPE_ALIASES: JSON.stringify(aliases) };

export const environmentOf = (
  {
    service,
    stage,
    ids,
    aliases,
  }: {
    readonly service: string;
    readonly stage: string;
    readonly ids: Ids;
    readonly aliases: Readonly<Record<string, string>>;
  },
  parameters: Parameters,
  key: string,
): Environment => {
  const { wake, eager, metrics, metricsByType } = parameters;
  const prefix = `${service}-${stage}`;
  return {
    FORGEQ_SERVICE: service,
    FORGEQ_STAGE: stage,
    FORGEQ_WAKE: wake,
    FORGEQ_EAGER: String(eager),
    FORGEQ_WAKE_GROUP: prefix,
    FORGEQ_WAKE_TARGET_ARN: arn("lambda", `function:${prefix}-scheduler`),
    FORGEQ_WAKE_ROLE_ARN: wake === "armed" ? arnOf(ids.resource("WakeRole")) : "",
    FORGEQ_DATABASE_URL_PARAMETER: databaseUrlsOf(parameters)[partOf(key)],
    FORGEQ_DATABASE_SECRET: parameters.databaseSecretArn,
    FORGEQ_DATABASE_IAM: parameters.databaseIamUser,
    FORGEQ_DATABASE_CA: parameters.databaseCa,
    FORGEQ_API_KEYS_PARAMETER: parameters.apiKeysParameter,
    FORGEQ_RATE_LIMIT: parameters.rateLimit,
    FORGEQ_BASE_PATH: parameters.basePath,
    FORGEQ_CORS_ORIGINS: parameters.corsOrigins,
    FORGEQ_LOG_URL: parameters.logUrl,
    FORGEQ_SECRET_PARAMETER: parameters.secretParameter,
    FORGEQ_METRICS_BY_TYPE: String(metricsByType),
    POWERTOOLS_METRICS_DISABLED: String(!metrics),
    ...aliasVariables(aliases),
    NODE_OPTIONS: "--enable-source-maps",
  };
};
