/**
 * CloudWatch alarms and a dashboard. Each alarm has its page in docs/runbook: a test compares. ForgeQ's own metrics are asked for by
 * queries over all queues, so a new queue needs nothing here.
 */
import { dashboard } from "./dashboard.ts";
import { type Ids, type Json, pascalCase, type Resource, type Resources } from "./names.ts";

interface Alarm {
  readonly says: string;
  readonly metrics: readonly Json[];
  readonly above?: number;
  readonly below?: number;
  /** So many of the last `of` must be beyond the threshold. */
  readonly minutes: number;
  readonly of: number;
  readonly missing?: "breaching";
}

type Alarms = Readonly<Record<string, Alarm>>;

export interface AlarmOptions {
  readonly ids: Ids;
  /** SERVICE-STAGE */
  readonly service: string;
  readonly wake: "always" | "armed";
  readonly lateSeconds: number;
  /** Whether functions write metrics of their own. */
  readonly metrics: boolean;
  /** Names of the functions that are invoked asynchronously. */
  readonly asynchronous: readonly string[];
  readonly handlers: readonly TimedFunction[];
  /** The topic that the alarms notify; "" for none. */
  readonly topicArn: string;
}

interface TimedFunction {
  readonly name: string;
  readonly timeoutSeconds: number;
}

type Combine = (terms: readonly string[]) => string;

/** How many metrics an alarm may read. */
const METRICS_PER_ALARM = 10;

const chunks = <Item>(list: readonly Item[]): Item[][] =>
  Array.from({ length: Math.ceil(list.length / METRICS_PER_ALARM) }, (_, n) =>
    list.slice(n * METRICS_PER_ALARM, (n + 1) * METRICS_PER_ALARM),
  );

/** The sum, unless another statistic is given, of one of the service's metrics in each minute. */
const ofService = (service: string, MetricName: string, Stat = "Sum"): Json[] => [
  {
    Id: "m1",
    ReturnData: true,
    MetricStat: {
      Metric: { Namespace: "ForgeQ", MetricName, Dimensions: [{ Name: "service", Value: service }] },
      Period: 60,
      Stat,
    },
  },
];

/** One number of all queues: `MAX(OldestPendingAge)`. */
const ofQueues = (service: string, expression: string): Json[] => [
  {
    Id: "q1",
    Expression: `SELECT ${expression} FROM SCHEMA("ForgeQ", service, queue) WHERE service = '${service}'`,
    Period: 60,
    ReturnData: true,
  },
];

/** One number of several functions: `combine` of their metric, each divided by its share. */
const ofFunctions = (functions: readonly string[], metric: string, stat: string, combine: Combine): Json[] => [
  { Id: "e1", Expression: combine(functions.map((_, n) => `FILL(m${n + 1}, 0)`)), ReturnData: true },
  ...functions.map((name, n) => ({
    Id: `m${n + 1}`,
    ReturnData: false,
    MetricStat: {
      Metric: { Namespace: "AWS/Lambda", MetricName: metric, Dimensions: [{ Name: "FunctionName", Value: name }] },
      Period: 60,
      Stat: stat,
    },
  })),
];

const sum: Combine = (terms) => terms.join(" + ");
const max: Combine = (terms) => `MAX([${terms.join(", ")}])`;

/** The alarms on ForgeQ's own metrics of its queues. */
const queueAlarms = ({ service, lateSeconds }: AlarmOptions): Alarms => ({
  "queue-late": {
    says: `a job has been due for over ${lateSeconds} s and nobody has taken it`,
    metrics: ofQueues(service, "MAX(OldestPendingAge)"),
    ...{ above: lateSeconds, minutes: 2, of: 2 },
  },
  "jobs-dead": {
    says: "jobs died: out of attempts, or failed for good",
    metrics: ofQueues(service, "SUM(JobsDead)"),
    ...{ above: 0, minutes: 1, of: 1 },
  },
  "jobs-crashing": {
    says: "leases expired: handlers crash, or lose the database",
    metrics: ofService(service, "JobsRecovered"),
    ...{ above: 0, minutes: 3, of: 10 },
  },
  "invokes-refused": {
    says: "the platform refuses to start handlers",
    metrics: ofQueues(service, "SUM(InvokesRefused)"),
    ...{ above: 0, minutes: 5, of: 10 },
  },
});

/** The alarms on what a tick finds. A part that fails now and then goes on in the next tick. */
const inTickAlarms = ({ service }: AlarmOptions): Alarms => ({
  "type-blocked": {
    says: "no handler of a job type has begun for over two minutes: its jobs wait, and the first die after an hour",
    metrics: ofService(service, "TypeBlockedAge", "Maximum"),
    ...{ above: 120, minutes: 2, of: 3 },
  },
  "type-unserved": {
    says: "jobs of a type have been due for ten minutes, and nobody takes them",
    metrics: ofService(service, "TypesUnserved", "Maximum"),
    ...{ above: 0, minutes: 2, of: 3 },
  },
  "clock-went-back": {
    says: "the database's clock went back",
    metrics: ofService(service, "ClockWentBack"),
    ...{ above: 0, minutes: 1, of: 1 },
  },
  "tick-part-failing": {
    says: "parts of the tick fail",
    metrics: ofService(service, "TickPartsFailed"),
    ...{ above: 0, minutes: 10, of: 15 },
  },
});

/** The alarm on callers. Now and then somebody's key is wrong; this is somebody who goes on trying, or a key that has expired. */
const callerAlarms = ({ service }: AlarmOptions): Alarms => ({
  "requests-refused": {
    says: "over 100 requests a minute come without a valid key, or with one that may not do it",
    metrics: ofService(service, "RequestsRefused"),
    ...{ above: 100, minutes: 5, of: 10 },
  },
});

/** In the wake mode `armed` no tick is missed: none may be due. */
const tickAlarm = ({ service, wake }: AlarmOptions): Alarms =>
  wake === "always"
    ? {
        "tick-missing": {
          says: "the scheduler has not run for five minutes",
          metrics: ofService(service, "Ticks"),
          ...{ below: 1, minutes: 5, of: 5, missing: "breaching" },
        },
      }
    : {};

/** The alarms on Lambda's metrics of the functions that are invoked asynchronously: each asks for one number of all. */
const FUNCTION_ALARMS = {
  throttled: {
    says: "Lambda throttles ForgeQ's functions",
    ...{ metric: "Throttles", stat: "Sum", combine: sum, above: 0, minutes: 5, of: 10 },
  },
  "events-dropped": {
    says: "Lambda gave up on events of ForgeQ's functions",
    ...{ metric: "AsyncEventsDropped", stat: "Sum", combine: sum, above: 0, minutes: 3, of: 10 },
  },
  "events-old": {
    says: "events wait over 30 s for a function",
    ...{ metric: "AsyncEventAge", stat: "Maximum", combine: max, above: 30_000, minutes: 3, of: 5 },
  },
  "recursion-stopped": {
    says: "Lambda took a chain of jobs for a loop and stopped it",
    ...{ metric: "RecursiveInvocationsDropped", stat: "Sum", combine: sum, above: 0, minutes: 1, of: 1 },
  },
  "destination-failed": {
    says: "failures could not be reported to failed-invocation",
    ...{ metric: "DestinationDeliveryFailures", stat: "Sum", combine: sum, above: 0, minutes: 1, of: 1 },
  },
};

/** An alarm for as many of the functions as one may read, and a numbered one for each further group. */
const inGroups = <Item>(name: string, functions: readonly Item[], define: (group: readonly Item[]) => Alarm): Alarms =>
  Object.fromEntries(chunks(functions).map((group, n) => [n === 0 ? name : `${name}-${n + 1}`, define(group)]));

const functionAlarms = ({ asynchronous }: AlarmOptions): readonly Alarms[] =>
  Object.entries(FUNCTION_ALARMS).map(([name, { metric, stat, combine, ...alarm }]) =>
    inGroups(name, asynchronous, (group) => ({ ...alarm, metrics: ofFunctions(group, metric, stat, combine) })),
  );

/** A handler's durations are compared as parts of its own time-out, in percent. */
const nearTimeout = ({ handlers }: AlarmOptions): Alarms =>
  inGroups("handler-near-timeout", handlers, (group) => ({
    says: "an invocation took over 90 % of its function's time: raise the type's time-out, or take fewer jobs per batch",
    metrics: ofFunctions(
      group.map(({ name }) => name),
      "Duration",
      "Maximum",
      (terms) => max(terms.map((term, n) => `${term} / ${(group[n]?.timeoutSeconds ?? 0) * 10}`)),
    ),
    ...{ above: 90, minutes: 1, of: 5 },
  }));

const definitions = (options: AlarmOptions): readonly (readonly [string, Alarm])[] =>
  [
    ...(options.metrics
      ? [queueAlarms(options), inTickAlarms(options), callerAlarms(options), tickAlarm(options)]
      : []),
    ...functionAlarms(options),
    nearTimeout(options),
  ].flatMap((alarms) => Object.entries(alarms));

const alarmResource = (
  service: string,
  topicArn: string,
  [name, { says, metrics, above, below, minutes, of, missing }]: readonly [string, Alarm],
): Resource => ({
  Type: "AWS::CloudWatch::Alarm",
  Properties: {
    AlarmName: `${service}-${name}`,
    AlarmDescription: `${says}. See docs/runbook/${name.replace(/-\d+$/, "")}.md`,
    Metrics: metrics,
    ComparisonOperator: below === undefined ? "GreaterThanThreshold" : "LessThanThreshold",
    Threshold: below ?? above ?? 0,
    DatapointsToAlarm: minutes,
    EvaluationPeriods: of,
    TreatMissingData: missing ?? "notBreaching",
    ...(topicArn === "" ? {} : { AlarmActions: [topicArn], OKActions: [topicArn] }),
  },
});

/** The CloudFormation of the alarms and the dashboard. */
export const alarmResources = (options: AlarmOptions): Resources => ({
  ...Object.fromEntries(
    definitions(options).map((entry) => [
      options.ids.resource(`${pascalCase(entry[0])}Alarm`),
      alarmResource(options.service, options.topicArn, entry),
    ]),
  ),
  [options.ids.resource("Dashboard")]: dashboard(options.service, options.asynchronous),
});
