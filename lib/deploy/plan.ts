/**
 * The deployment plan: everything that is deployed, as data. It is made of the job types and the parameters, and reads and writes nothing.
 * The Serverless plugin, the CDK construct, `forgeq template` and the local run print it.
 */
import { aliasesOf, sharedName } from "../core/aliases.ts";
import { functionTimeoutSeconds } from "../core/timeout.ts";
import { gatewayRoutes } from "../http/operations.ts";
import { alarmResources } from "./alarms.ts";
import { type Environment, environmentOf } from "./environment.ts";
import { gatewayLog, stageSettings } from "./gateway.ts";
import { type Ids, idsOf, type Json, pascalCase, type Resources, type Statement } from "./names.ts";
import { type GivenParameters, type Parameters, readParameters } from "./parameters.ts";
import { PlanError } from "./plan-error.ts";
import { recordQueue } from "./records.ts";
import { roleOf } from "./roles.ts";
import { wakeResources } from "./wakes.ts";

/** What the plan asks of a job type. */
export interface PlannedType {
  readonly type: string;
  /** Names that it had before: its function runs their jobs, too. */
  readonly aliases?: readonly string[];
  /** Seconds one job may run. */
  readonly timeoutSeconds: number;
}

/** What the function of a job type has beyond the others. */
export interface HandlerSettings {
  /** Megabytes; 256 unless given. */
  readonly memorySize?: number;
  readonly environment?: Environment;
  /** What its work may do. */
  readonly statements?: readonly Statement[];
}

export interface PlanInput {
  /** What the functions' names begin with: `SERVICE-STAGE-enqueue`. */
  readonly service: string;
  readonly stage: string;
  readonly jobs: readonly PlannedType[];
  readonly parameters?: GivenParameters;
  /** By job type. */
  readonly handlers?: Readonly<Record<string, HandlerSettings>>;
  /** Whether the template has more than ForgeQ in it. */
  readonly shared?: boolean;
}

/** How asynchronous invocations go. */
export interface EventSettings {
  readonly maximumRetryAttempts: number;
  /** Null for Lambda's own, six hours. */
  readonly maximumEventAgeSeconds: number | null;
  /** What gets an event that failed for good: another function, or the queue of records. */
  readonly onFailure: "failed-invocation" | "records" | null;
}

/** How long a function may run, and how it is invoked, whatever it is called. */
export interface FunctionShape {
  /** `enqueue`, `handler-TYPE` */
  readonly key: string;
  readonly timeoutSeconds: number;
  /** Null for a function that is invoked by requests alone. */
  readonly events: EventSettings | null;
}

export interface PlannedFunction extends FunctionShape {
  readonly name: string;
  /** Megabytes. */
  readonly memorySize: number;
  readonly environment: Environment;
  /** The logical id of its role. */
  readonly role: string;
  /** Dispatcher, handler, job.enqueue, dispatcher is a chain that is meant; ForgeQ caps its depth itself. */
  readonly mayRecurse: boolean;
  /** Concurrent invocations that are reserved for it, and its limit; null where there is none. */
  readonly reserved: number | null;
  /** Whether it runs every minute; null for one that has no schedule. */
  readonly everyMinute: boolean | null;
  /** Of the gateway: `POST /jobs`. */
  readonly routes: readonly string[];
}

export interface Plan {
  readonly service: string;
  readonly stage: string;
  /** SERVICE-STAGE */
  readonly prefix: string;
  readonly ids: Ids;
  readonly parameters: Parameters;
  readonly functions: readonly PlannedFunction[];
  /** What there is beside the functions: roles, alarms, the queue of records, what wakes need. */
  readonly resources: Resources;
  /** Properties of the gateway's stage. */
  readonly gateway: Readonly<Record<string, Json>>;
}

const LONGEST_NAME = 64;
const MEMORY_SIZE = 256;

const NEVER_AGAIN = { maximumRetryAttempts: 0, maximumEventAgeSeconds: 60, onFailure: null } as const;

/** The parts that every service has, in the order of a job's life. */
const PARTS = {
  enqueue: { timeoutSeconds: 10, events: null },
  api: { timeoutSeconds: 10, events: null },
  dispatcher: { timeoutSeconds: 300, events: NEVER_AGAIN },
  // An armed wake sleeps up to a minute of it.
  scheduler: {
    timeoutSeconds: 120,
    events: { maximumRetryAttempts: 2, maximumEventAgeSeconds: 600, onFailure: null },
  },
  "failed-invocation": {
    timeoutSeconds: 30,
    events: { maximumRetryAttempts: 2, maximumEventAgeSeconds: null, onFailure: "records" },
  },
} as const satisfies Record<string, { readonly timeoutSeconds: number; readonly events: EventSettings | null }>;

/** The functions that are there whatever the job types are. */
export const PART_KEYS = Object.keys(PARTS) as readonly (keyof typeof PARTS)[];

const PREFIX_OF_HANDLERS = "handler-";
const isHandler = (key: string): boolean => key.startsWith(PREFIX_OF_HANDLERS);

/** The functions of these job types: the parts, and a handler for each. */
export const functionShapes = (jobs: readonly PlannedType[]): readonly FunctionShape[] => [
  ...PART_KEYS.map((key) => ({ key, ...PARTS[key] })),
  ...jobs.map(({ type, timeoutSeconds }) => ({
    key: PREFIX_OF_HANDLERS + type,
    timeoutSeconds: functionTimeoutSeconds(timeoutSeconds),
    events: { ...NEVER_AGAIN, onFailure: "failed-invocation" as const },
  })),
];

const reservedFor = (parameters: Parameters, key: string): number | null => {
  if (isHandler(key)) return parameters.handlerConcurrency;
  if (key === "dispatcher") return parameters.dispatcherConcurrency;
  if (key === "scheduler") return parameters.schedulerConcurrency;
  return key === "failed-invocation" ? parameters.failedInvocationConcurrency : null;
};

const checkTypes = ({ jobs, handlers = {} }: PlanInput): void => {
  const types = jobs.map(({ type }) => type);
  const twice = sharedName(jobs);
  if (twice !== null) throw new PlanError(`the job type ${twice} is there twice`);
  const strange = Object.keys(handlers).find((type) => !types.includes(type));
  if (strange !== undefined)
    throw new PlanError(`there are settings for a handler of ${strange}, and there is no such job type`);
};

/** CloudFormation would find this out in the middle of a deploy. */
const checkNames = (functions: readonly PlannedFunction[]): void => {
  const tooLong = functions.map(({ name }) => name).filter((name) => name.length > LONGEST_NAME);
  if (tooLong.length > 0)
    throw new PlanError(
      `Lambda's names have at most ${LONGEST_NAME} characters: shorten the service, the stage or the type of ${tooLong.join(", ")}`,
    );
};

const planFunctions = (input: PlanInput, ids: Ids, parameters: Parameters): readonly PlannedFunction[] => {
  const { service, stage, jobs, handlers = {} } = input;
  const aliases = aliasesOf(jobs);
  return functionShapes(jobs).map((shape) => {
    const { key } = shape;
    const { memorySize = MEMORY_SIZE, environment } =
      (isHandler(key) ? handlers[key.slice(PREFIX_OF_HANDLERS.length)] : undefined) ?? {};
    return {
      ...shape,
      name: `${service}-${stage}-${key}`,
      memorySize,
      environment: { ...environmentOf({ service, stage, ids, aliases }, parameters, key), ...environment },
      role: ids.resource(`${pascalCase(key)}Role`),
      mayRecurse: key === "dispatcher" || isHandler(key),
      reserved: reservedFor(parameters, key),
      everyMinute: key === "dispatcher" || key === "scheduler" ? parameters.wake === "always" : null,
      routes: (key === "enqueue" || key === "api") && parameters.http ? gatewayRoutes(key, parameters.basePath) : [],
    };
  });
};

const watchResources = (
  { ids, prefix, parameters }: Pick<Plan, "ids" | "prefix" | "parameters">,
  functions: readonly PlannedFunction[],
): Resources =>
  parameters.alarms
    ? alarmResources({
        ids,
        service: prefix,
        wake: parameters.wake,
        metrics: parameters.metrics,
        lateSeconds: parameters.lateSeconds,
        topicArn: parameters.alarmTopicArn,
        asynchronous: functions.filter(({ events }) => events !== null).map(({ name }) => name),
        handlers: functions.filter(({ key }) => isHandler(key)),
      })
    : {};

/**
 * @throws {PlanError} when a name is too long for Lambda, a parameter is unknown or of another kind, or a job type is there twice
 */
export const deploymentPlan = (input: PlanInput): Plan => {
  const { service, stage, handlers = {} } = input;
  checkTypes(input);
  const ids = idsOf(input.shared ?? false);
  const prefix = `${service}-${stage}`;
  const parameters = readParameters(input.parameters ?? {}, stage);
  const functions = planFunctions(input, ids, parameters);
  checkNames(functions);
  const roles = {
    ids,
    prefix,
    parameters,
    handlers: functions.map(({ key }) => key).filter(isHandler),
    own: Object.fromEntries(Object.entries(handlers).map(([type, { statements = [] }]) => [type, statements])),
  };
  return {
    service,
    stage,
    prefix,
    ids,
    parameters,
    functions,
    resources: {
      ...Object.fromEntries(functions.map(({ key, role }) => [role, roleOf(roles, key)])),
      ...(parameters.wake === "armed" ? wakeResources({ ids, prefix, backstop: parameters.backstop }) : {}),
      [ids.resource("FailedRecords")]: recordQueue(prefix),
      ...(parameters.http ? gatewayLog(ids, prefix, parameters) : {}),
      ...watchResources({ ids, prefix, parameters }, functions),
    },
    gateway: stageSettings(ids, parameters),
  };
};
