// CloudWatch alarms and a dashboard. Each alarm has its page in docs/runbook: a test compares. ForgeQ's own metrics are asked for by
// queries over all queues, so a new queue needs nothing here.

/** An alarm may read so many metrics. */
const METRICS_PER_ALARM = 10;

const chunks = (list) =>
  Array.from({ length: Math.ceil(list.length / METRICS_PER_ALARM) }, (_, n) =>
    list.slice(n * METRICS_PER_ALARM, (n + 1) * METRICS_PER_ALARM),
  );

const pascalCase = (name) => name.replace(/(?:^|-)(.)/g, (_, letter) => letter.toUpperCase());

/** The sum of one of the service's metrics in each minute. */
const ofService = (service, MetricName) => [
  {
    Id: "m1",
    ReturnData: true,
    MetricStat: {
      Metric: { Namespace: "ForgeQ", MetricName, Dimensions: [{ Name: "service", Value: service }] },
      Period: 60,
      Stat: "Sum",
    },
  },
];

/** One number of all queues: `MAX(OldestPendingAge)`. */
const ofQueues = (service, expression) => [
  {
    Id: "q1",
    Expression: `SELECT ${expression} FROM SCHEMA("ForgeQ", service, queue) WHERE service = '${service}'`,
    Period: 60,
    ReturnData: true,
  },
];

/** One number of several functions: `combine` of their metric, each divided by its share. */
const ofFunctions = (functions, metric, stat, combine) => [
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

const sum = (terms) => terms.join(" + ");
const max = (terms) => `MAX([${terms.join(", ")}])`;

/** The alarms as { name: { metrics, above, minutes, of, says } }; `minutes` of the last `of` must be above. */
const definitions = ({ service, wake, metrics, lateSeconds, asynchronous, handlers }) => {
  const own = {
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
  };
  const tick =
    wake === "always"
      ? {
          "tick-missing": {
            says: "the scheduler has not run for five minutes",
            metrics: ofService(service, "Ticks"),
            ...{ below: 1, minutes: 5, of: 5, missing: "breaching" },
          },
        }
      : {};
  const perFunctions = (name, says, metric, stat, combine, rest) =>
    Object.fromEntries(
      chunks(asynchronous).map((functions, n) => [
        n === 0 ? name : `${name}-${n + 1}`,
        { says, metrics: ofFunctions(functions, metric, stat, combine), ...rest },
      ]),
    );
  const nearTimeout = Object.fromEntries(
    chunks(handlers).map((chunk, n) => [
      n === 0 ? "handler-near-timeout" : `handler-near-timeout-${n + 1}`,
      {
        says: "an invocation took over 90 % of its function's time: raise the type's time-out, or take fewer jobs per batch",
        metrics: ofFunctions(
          chunk.map(({ name }) => name),
          "Duration",
          "Maximum",
          (terms) => max(terms.map((term, k) => `${term} / ${chunk[k].timeoutSeconds * 10}`)),
        ),
        ...{ above: 90, minutes: 1, of: 5 },
      },
    ]),
  );
  return {
    ...(metrics ? { ...own, ...tick } : {}),
    ...perFunctions("throttled", "Lambda throttles ForgeQ's functions", "Throttles", "Sum", sum, {
      ...{ above: 0, minutes: 5, of: 10 },
    }),
    ...perFunctions(
      "events-dropped",
      "Lambda gave up on events of ForgeQ's functions",
      "AsyncEventsDropped",
      "Sum",
      sum,
      {
        ...{ above: 0, minutes: 3, of: 10 },
      },
    ),
    ...perFunctions("events-old", "events wait over 30 s for a function", "AsyncEventAge", "Maximum", max, {
      ...{ above: 30_000, minutes: 3, of: 5 },
    }),
    ...perFunctions(
      "recursion-stopped",
      "Lambda took a chain of jobs for a loop and stopped it",
      "RecursiveInvocationsDropped",
      "Sum",
      sum,
      {
        ...{ above: 0, minutes: 1, of: 1 },
      },
    ),
    ...perFunctions(
      "destination-failed",
      "failures could not be reported to failed-invocation",
      "DestinationDeliveryFailures",
      "Sum",
      sum,
      {
        ...{ above: 0, minutes: 1, of: 1 },
      },
    ),
    ...nearTimeout,
  };
};

const alarm = (service, topicArn, [name, { says, metrics, above, below, minutes, of, missing = "notBreaching" }]) => {
  const page = name.replace(/-\d+$/, "");
  return [
    `${pascalCase(name)}Alarm`,
    {
      Type: "AWS::CloudWatch::Alarm",
      Properties: {
        AlarmName: `${service}-${name}`,
        AlarmDescription: `${says}. See docs/runbook/${page}.md`,
        Metrics: metrics,
        ComparisonOperator: below === undefined ? "GreaterThanThreshold" : "LessThanThreshold",
        Threshold: below ?? above,
        DatapointsToAlarm: minutes,
        EvaluationPeriods: of,
        TreatMissingData: missing,
        ...(topicArn === "" ? {} : { AlarmActions: [topicArn], OKActions: [topicArn] }),
      },
    },
  ];
};

const REGION = "@REGION@";

/** The text in pieces, with a reference to the region in each gap. */
const withRegion = (text) =>
  text.split(REGION).flatMap((piece, n) => (n === 0 ? [piece] : [{ Ref: "AWS::Region" }, piece]));

const dashboard = (service, functions) => {
  const search = (metric, stat) => [
    [
      {
        expression: `SEARCH('{ForgeQ,service,queue} MetricName="${metric}" service="${service}"', '${stat}', 60)`,
        id: metric.toLowerCase(),
      },
    ],
  ];
  const widget = (title, metrics, y, x, stacked = false) => ({
    type: "metric",
    ...{ x, y, width: 8, height: 6 },
    properties: { title, metrics, region: REGION, view: "timeSeries", stacked, period: 60 },
  });
  const lambda = (metric, stat) => functions.map((name) => ["AWS/Lambda", metric, "FunctionName", name, { stat }]);
  const widgets = [
    widget("Oldest pending job (s)", search("OldestPendingAge", "Maximum"), 0, 0),
    widget("From due to begun, p95 (ms)", search("JobWait", "p95"), 0, 8),
    widget("Run time, p95 (ms)", search("JobRun", "p95"), 0, 16),
    widget("Enqueued", search("JobsEnqueued", "Sum"), 6, 0),
    widget("Completed", search("JobsCompleted", "Sum"), 6, 8),
    widget("Retried and dead", [...search("JobsRetried", "Sum"), ...search("JobsDead", "Sum")], 6, 16),
    widget("Pending", search("PendingJobs", "Maximum"), 12, 0, true),
    widget("Leased or running", search("RunningJobs", "Maximum"), 12, 8, true),
    widget("Dead", search("DeadJobs", "Maximum"), 12, 16, true),
    widget("Invocations", lambda("Invocations", "Sum"), 18, 0),
    widget("Errors and throttles", [...lambda("Errors", "Sum"), ...lambda("Throttles", "Sum")], 18, 8),
    widget("Duration, longest (ms)", lambda("Duration", "Maximum"), 18, 16),
  ];
  return {
    Type: "AWS::CloudWatch::Dashboard",
    Properties: {
      DashboardName: service,
      DashboardBody: { "Fn::Join": ["", withRegion(JSON.stringify({ widgets }))] },
    },
  };
};

/**
 * The CloudFormation of the alarms and the dashboard.
 *
 * @param options.service SERVICE-STAGE
 * @param options.metrics whether functions write metrics of their own
 * @param options.asynchronous names of the functions that are invoked asynchronously
 * @param options.handlers [{ name, timeoutSeconds }]
 * @param options.topicArn whom the alarms tell; "" for nobody
 */
export const alarmResources = (options) => ({
  ...Object.fromEntries(
    Object.entries(definitions(options)).map((entry) => alarm(options.service, options.topicArn, entry)),
  ),
  Dashboard: dashboard(options.service, options.asynchronous),
});
