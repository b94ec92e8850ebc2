/** The CloudWatch dashboard. */
import type { Json, Resource } from "./names.ts";

const REGION = "@REGION@";

/** The text in pieces, with a reference to the region in each gap. */
const withRegion = (text: string): Json[] =>
  text.split(REGION).flatMap((piece, n): Json[] => (n === 0 ? [piece] : [{ Ref: "AWS::Region" }, piece]));

/** @param functions - the names of the functions that are invoked asynchronously */
export const dashboard = (service: string, functions: readonly string[]): Resource => {
  const search = (metric: string, stat: string) => [
    [
      {
        expression: `SEARCH('{ForgeQ,service,queue} MetricName="${metric}" service="${service}"', '${stat}', 60)`,
        id: metric.toLowerCase(),
      },
    ],
  ];
  const widget = (title: string, metrics: readonly Json[], y: number, x: number, stacked = false) => ({
    type: "metric",
    ...{ x, y, width: 8, height: 6 },
    properties: { title, metrics, region: REGION, view: "timeSeries", stacked, period: 60 },
  });
  const lambda = (metric: string, stat: string) =>
    functions.map((name) => ["AWS/Lambda", metric, "FunctionName", name, { stat }]);
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
