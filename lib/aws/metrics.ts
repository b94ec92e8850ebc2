import { Metrics as Powertools, MetricUnit } from "@aws-lambda-powertools/metrics";
import type { Metrics } from "../queue/deps.ts";

/** Metrics as CloudWatch's embedded metric format on stdout: no call, no process to scrape. Namespace ForgeQ, dimensions service and queue. */
export const emfMetrics = (service: string): Metrics => {
  const powertools = new Powertools({ namespace: "ForgeQ", serviceName: service });
  const add = (
    name: string,
    unit: (typeof MetricUnit)[keyof typeof MetricUnit],
    value: number,
    queue: string | undefined,
  ) => {
    const single = powertools.singleMetric();
    if (queue !== undefined) single.addDimension("queue", queue);
    single.addMetric(name, unit, value);
  };
  return {
    count: (name, value, dimensions) => add(name, MetricUnit.Count, value, dimensions?.queue),
    milliseconds: (name, value, dimensions) => add(name, MetricUnit.Milliseconds, value, dimensions?.queue),
  };
};
