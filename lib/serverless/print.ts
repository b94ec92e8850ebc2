/** Prints a plan as the Serverless Framework takes it. What the service lists itself wins. */
import { arnOf, type Json, type Resources } from "../deploy/names.ts";
import type { EventSettings, Plan, PlannedFunction } from "../deploy/plan.ts";
import type { FunctionEntry, ServiceResources } from "./framework.ts";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The two as one; of what both say, `winner` says it. */
const merge = (loser: unknown, winner: unknown): unknown => {
  if (!isObject(loser) || !isObject(winner)) return winner === undefined ? loser : winner;
  return {
    ...loser,
    ...Object.fromEntries(Object.entries(winner).map(([key, value]) => [key, merge(loser[key], value)])),
  };
};

const destinations = ({ ids }: Plan, { onFailure }: EventSettings): object =>
  onFailure === null
    ? {}
    : {
        destinations: {
          onFailure:
            onFailure === "records"
              ? { type: "sqs", arn: arnOf(ids.resource("FailedRecords")) }
              : ids.key("failed-invocation"),
        },
      };

const invocations = (plan: Plan, events: EventSettings): object => ({
  maximumRetryAttempts: events.maximumRetryAttempts,
  ...(events.maximumEventAgeSeconds !== null && { maximumEventAge: events.maximumEventAgeSeconds }),
  ...destinations(plan, events),
});

const eventsOf = ({ routes, everyMinute }: PlannedFunction): object[] => [
  ...routes.map((route) => ({ httpApi: route })),
  ...(everyMinute === null ? [] : [{ schedule: { rate: ["rate(1 minute)"], enabled: everyMinute } }]),
];

export interface PrintedCode {
  readonly handler: string;
  readonly package: { readonly individually: true; readonly patterns?: readonly string[] };
}

/**
 * The entry of a function in the service's list.
 *
 * @param environment - what it sees instead of what the plan says, as under serverless-offline; null for the plan's
 * @param own - what the service lists under its key
 * @param common - the variables that the service gives all of its functions
 */
export const printFunction = (
  plan: Plan,
  planned: PlannedFunction,
  code: PrintedCode,
  environment: Readonly<Record<string, string>> | null,
  { own = {}, common = {} }: { readonly own?: FunctionEntry | undefined; readonly common?: object | undefined },
): FunctionEntry => {
  const { vpcSubnetIds, vpcSecurityGroupIds, logRetentionDays } = plan.parameters;
  const usual = {
    name: planned.name,
    ...code,
    runtime: "nodejs24.x",
    architecture: "arm64",
    role: planned.role,
    memorySize: planned.memorySize,
    timeout: planned.timeoutSeconds,
    logRetentionInDays: logRetentionDays,
    versionFunction: false,
    ...(planned.reserved !== null && { reservedConcurrency: planned.reserved }),
    ...(vpcSubnetIds.length > 0 && { vpc: { subnetIds: vpcSubnetIds, securityGroupIds: vpcSecurityGroupIds } }),
    ...(planned.events !== null && invocations(plan, planned.events)),
    environment: { ...(environment ?? planned.environment), ...common },
  };
  const { events = [], ...rest } = own;
  return { ...(merge(usual, rest) as FunctionEntry), events: [...eventsOf(planned), ...events] };
};

/** What serverless.yml has no word for in a function. */
const functionExtension = ({ mayRecurse }: PlannedFunction): Json => ({
  // What the runtime writes itself is JSON too, from the first line.
  Properties: { LoggingConfig: { LogFormat: "JSON" }, ...(mayRecurse && { RecursiveLoop: "Allow" }) },
});

/**
 * The service's resources with the plan's.
 *
 * @param ownsGateway - whether all routes of the gateway are ForgeQ's: its stage is set up for them then
 */
export const printResources = (
  plan: Plan,
  { Resources = {}, extensions = {}, ...rest }: ServiceResources,
  ownsGateway: boolean,
): ServiceResources => {
  const log = plan.ids.resource("HttpApiAccessLog");
  const planned: Resources = Object.fromEntries(
    Object.entries(plan.resources).filter(([id]) => ownsGateway || id !== log),
  );
  return {
    ...rest,
    Resources: { ...planned, ...Resources },
    extensions: merge(
      {
        ...Object.fromEntries(plan.functions.map((each) => [plan.ids.function(each.key), functionExtension(each)])),
        ...(ownsGateway && { HttpApiStage: { Properties: plan.gateway } }),
      },
      extensions,
    ) as Readonly<Record<string, Json>>,
  };
};
