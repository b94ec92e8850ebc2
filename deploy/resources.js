// The CloudFormation in addition to the functions: a role for each with no more than it needs, and settings that serverless.yml has
// no word for. The handlers are those of functions/handlers, so a new job type needs its entry in serverless.yml and nothing here.
import { jobTypes } from "../esbuild.config.mjs";
import { functionPlan, printFunction } from "./functions.js";
import { recordQueue } from "./records.js";
import { alarmResources } from "./alarms.js";
import { logicalId, pascalCase } from "./names.js";
import { gatewayExtension, gatewayResources } from "./gateway.js";
import { rolesOf } from "./roles.js";
import { databaseUrls } from "./urls.js";
import { wakeResources } from "./wakes.js";

const list = (text) => text.split(",").filter(Boolean);

/** The parameters of serverless.yml, and the names that follow from it. */
const readSettings = async (resolveVariable) => {
  const text = async (name) => String(await resolveVariable(`param:${name}`));
  const prefix = `${await resolveVariable("self:service")}-${await resolveVariable("sls:stage")}`;
  return {
    prefix,
    handlers: jobTypes().map((type) => `handler-${type}`),
    databaseUrls: await databaseUrls(resolveVariable),
    apiKeys: [await text("apiKeysParameter"), await text("secretParameter")].filter(Boolean),
    databaseSecretArn: await text("databaseSecretArn"),
    databaseIamUser: await text("databaseIamUser"),
    kmsKeyArn: await text("kmsKeyArn"),
    smtpUrl: await text("smtpUrlParameter"),
    reports: await text("reports"),
    subnets: list(await text("vpcSubnetIds")),
    securityGroups: list(await text("vpcSecurityGroupIds")),
    armed: (await text("wake")) === "armed",
    backstop: await text("backstop"),
    eager: (await text("eager")) === "true",
    dispatcherConcurrency: await text("dispatcherConcurrency"),
    handlerConcurrency: await text("handlerConcurrency"),
    schedulerConcurrency: await text("schedulerConcurrency"),
    failedInvocationConcurrency: await text("failedInvocationConcurrency"),
    alarms: (await text("alarms")) === "true",
    metrics: (await text("metrics")) === "true",
    lateSeconds: Number(await text("lateSeconds")),
    topicArn: await text("alarmTopicArn"),
    throttleRate: Number(await text("throttleRate")),
    throttleBurst: Number(await text("throttleBurst")),
    accessLog: (await text("accessLog")) === "true",
    logRetentionDays: Number(await text("logRetentionDays")),
  };
};

const LONGEST_NAME = 64;

/** CloudFormation would find this out in the middle of a deploy. */
const checkNames = ({ prefix, handlers }) => {
  const names = ["failed-invocation", ...handlers].map((key) => `${prefix}-${key}`);
  const tooLong = names.filter((name) => name.length > LONGEST_NAME);
  if (tooLong.length > 0)
    throw new Error(
      `Lambda's names have at most ${LONGEST_NAME} characters: shorten the service, the stage or the type of ${tooLong.join(", ")}`,
    );
};

/** The alarms and the dashboard, unless a parameter says that there are none. */
const watchResources = async (settings, resolveVariable) => {
  if (!settings.alarms) return {};
  const { prefix, handlers, armed, metrics, lateSeconds, topicArn } = settings;
  const timeoutSeconds = async (key) => Number(await resolveVariable(`self:functions.${key}.timeout`));
  return alarmResources({
    service: prefix,
    wake: armed ? "armed" : "always",
    metrics,
    lateSeconds,
    topicArn,
    asynchronous: ["dispatcher", "scheduler", "failed-invocation", ...handlers].map((key) => `${prefix}-${key}`),
    handlers: await Promise.all(
      handlers.map(async (key) => ({ name: `${prefix}-${key}`, timeoutSeconds: await timeoutSeconds(key) })),
    ),
  });
};

const resources = async ({ resolveVariable }) => {
  const settings = await readSettings(resolveVariable);
  checkNames(settings);
  const roles = Object.entries(rolesOf(settings));
  const extensions = roles.map(([key]) => [logicalId(key), { Properties: printFunction(functionPlan(settings, key)) }]);
  return {
    Resources: {
      ...Object.fromEntries(roles.map(([key, role]) => [`${pascalCase(key)}Role`, role])),
      ...wakeResources(settings),
      ...recordQueue(settings),
      ...gatewayResources(settings),
      ...(await watchResources(settings, resolveVariable)),
    },
    extensions: {
      ...Object.fromEntries(extensions),
      HttpApiStage: gatewayExtension(settings),
    },
  };
};

// The framework loads this file by require, and takes what it gives for the function itself.
export { resources as "module.exports" };
